package dataplane

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// traffic is what went to and fro.
type traffic struct {
	sent, answered uint64 // datagrams that each side sent
	lost           uint64 // datagrams that did not come to the other side
}

// pingPong sends datagrams to the client and back, one by one, until done is closed.
func pingPong(t *testing.T, tx, rx *net.UDPConn, done <-chan struct{}) (f traffic) {
	t.Helper()
	for {
		write(t, tx, 1344)
		f.sent++
		from, ok := arrives(t, rx, 1344)
		if ok {
			if _, err := rx.WriteTo(make([]byte, 1200), from); err != nil {
				t.Fatal(err)
			}
			f.answered++
			_, ok = arrives(t, tx, 1200)
		}
		if !ok {
			f.lost++
		}
		select {
		case <-done:
			return f
		default:
		}
	}
}

// arrives waits for a datagram of n bytes; one that does not come within three seconds, which are few in emulation, is lost.
func arrives(t *testing.T, conn *net.UDPConn, n int) (from net.Addr, ok bool) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(3 * time.Second))
	got, from, err := conn.ReadFrom(make([]byte, 2000))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, false
	}
	if err != nil || got != n {
		t.Fatalf("received %d bytes, %v, want %d", got, err, n)
	}
	return from, true
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
