package dataplane

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// traffic is what went to and fro.
type traffic struct {
	sent, answered uint64 // datagrams that each side sent
	lost           uint64 // datagrams that never came to the other side
	late           uint64 // datagrams that came after more than a second: the machine had other things to do
}

// side is an end that datagrams come to, each with its number. They are all of one size.
type side struct {
	conn *net.UDPConn
	size int
	came uint64
}

// pingPong sends datagrams to the client and back, one by one, until done is closed.
func pingPong(t *testing.T, tx, rx *net.UDPConn, done <-chan struct{}) (f traffic) {
	t.Helper()
	client, edge := &side{conn: rx, size: 1344}, &side{conn: tx, size: 1200}
	for running := true; running; {
		f.sent++
		sendAfterErrors(t, func() error { _, err := tx.Write(numbered(f.sent, client.size)); return err })
		from, ok := client.await(t, f.sent)
		if ok {
			if _, err := rx.WriteTo(numbered(f.sent, edge.size), from); err != nil {
				t.Fatal(err)
			}
			f.answered++
			_, ok = edge.await(t, f.sent)
		}
		if !ok {
			f.late++
		}
		select {
		case <-done:
			running = false
		default:
		}
	}
	f.lost = client.missing(t, f.sent) + edge.missing(t, f.answered)
	f.late -= min(f.late, f.lost)
	return f
}

func numbered(n uint64, size int) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, size), n)[:size]
}

// await reads until the datagram of a number has come; after a second the next one is sent.
func (s *side) await(t *testing.T, number uint64) (from net.Addr, ok bool) {
	t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 2000)
	for {
		n, from, err := s.conn.ReadFrom(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, false
		}
		if err != nil || n != s.size {
			t.Fatalf("received %d bytes, %v, want %d", n, err, s.size)
		}
		s.came++
		if binary.BigEndian.Uint64(b) == number {
			return from, true
		}
	}
}

// missing is how many of the datagrams that were sent never came: those that are late have come by now, or come within a second.
func (s *side) missing(t *testing.T, sent uint64) uint64 {
	t.Helper()
	if s.came < sent {
		s.await(t, 0)
	}
	return sent - s.came
}

// whileLoading calls change n times while datagrams go to and fro, and returns what went.
func (l *lab) whileLoading(t *testing.T, tx, rx *net.UDPConn, n int, change func(i int) error) (f traffic) {
	t.Helper()
	done, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(done)
		for i := range n {
			if err := change(i); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	f = pingPong(t, tx, rx, done)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return f
}

// reload loads once more and lets go of the Plane.
func (l *lab) reload(t *testing.T) error {
	p, err := l.load(testSnapshot(t))
	if err != nil {
		return err
	}
	return p.Close()
}
