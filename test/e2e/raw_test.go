package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"quicedge/internal/netnstest"
)

// raw is a client that sends what no library would. It begins as quic-go's, whose keys and connection IDs it takes over; from then on
// quic-go neither hears nor says anything, and the node's packets are only counted.
type raw struct {
	net.PacketConn
	secrets bytes.Buffer // lines of tls.Config.KeyLogWriter
	visitor *visitor
	keys    *protection
	next    uint32 // packet number

	mu       sync.Mutex
	mine     bool
	idLen    int    // of the node's connection IDs
	id       []byte // the one in use
	to       net.Addr
	answered int // datagrams since it is ours
}

// newRaw connects a client, has one request answered, and takes over.
func newRaw(t *testing.T, world netnstest.NS) *raw {
	t.Helper()
	r := &raw{next: 1 << 20}
	var err error
	r.visitor, err = guest(t, world, func(conn *net.UDPConn, conf *tls.Config) net.PacketConn {
		r.PacketConn, conf.KeyLogWriter = conn, &r.secrets
		return r
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.visitor.leave)
	for err == nil && !r.ready() { // the first request may be in a datagram that begins with the end of the handshake
		err = r.visitor.get()
	}
	if err == nil {
		err = r.take()
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *raw) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id != nil
}

func (r *raw) take() error {
	if suite := r.visitor.quic.ConnectionState().TLS.CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		return errors.New("the connection has " + tls.CipherSuiteName(suite) + ": these tests seal with AES-128-GCM alone")
	}
	for line := range strings.Lines(r.secrets.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err == nil {
				r.keys, err = protect(secret)
			}
			if err != nil {
				return err
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		return errors.New("the client has logged no secret")
	}
	r.mine = true
	return nil
}

// ReadFrom implements net.PacketConn. It learns the length of connection IDs from what the node says of its own (RFC 8999, section 5.1).
func (r *raw) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		r.mu.Lock()
		mine := r.mine
		if mine {
			r.answered++
		} else if b[0]&0x80 != 0 {
			r.idLen = int(b[6+b[5]])
		}
		r.mu.Unlock()
		if !mine {
			return n, from, nil
		}
	}
}

// WriteTo implements net.PacketConn.
func (r *raw) WriteTo(b []byte, to net.Addr) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mine {
		return len(b), nil
	}
	if b[0]&0x80 == 0 {
		r.id, r.to = bytes.Clone(b[1:1+r.idLen]), to
	}
	return r.PacketConn.WriteTo(b, to)
}

// send sends frames in a packet (RFC 9000, section 17.3.1).
func (r *raw) send(frames []byte) error {
	packet := r.keys.seal(append([]byte{0x43}, r.id...), r.next, frames)
	r.next++
	_, err := r.PacketConn.WriteTo(packet, r.to)
	return err
}

func (r *raw) answers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered
}
