package quicsrv

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// tokens is a client's store that tells when one has come.
type tokens struct {
	quic.TokenStore
	got chan struct{}
}

func (s tokens) Put(key string, token *quic.ClientToken) {
	s.TokenStore.Put(key, token)
	s.got <- struct{}{}
}

// underLoad makes a server ask for proof of address as in a flood.
func underLoad(s *Server) {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	s.load.level, s.load.at, s.load.on = mostUnfinished, time.Now(), true
}

func TestTokenOfOneNodeProvesTheAddressToAnother(t *testing.T) {
	here, cert := newPlace(t), selfSigned(t)
	a := workerOf(t, cert, here.process(t), hello)
	for name, tt := range map[string]struct {
		node    place
		retries bool
	}{"with the same keys": {here.another(t), false}, "with other keys": {newPlace(t), true}} {
		b := workerOf(t, cert, tt.node.process(t), hello)
		store := tokens{quic.NewLRUTokenStore(1, 4), make(chan struct{}, 8)}
		visit := func(s *Server) {
			conn, err := dialQUIC(t, s.Addr().String(), cert, &quic.Config{TokenStore: store})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseWithError(noError, "")
			select {
			case <-store.got:
			case <-time.After(patience):
				t.Fatal("no token")
			}
		}
		visit(a)
		underLoad(b)
		visit(b)
		if got := b.Handshakes().Retries; (got > 0) != tt.retries {
			t.Errorf("%s: %d Retries", name, got)
		}
	}
}

// A client whose server is gone is told so by whoever gets its packets and has the same keys, and need not wait.
func TestNodeWithTheSameKeysResetsLostConnections(t *testing.T) {
	here, cert := newPlace(t), selfSigned(t)
	a := workerOf(t, cert, here.process(t), hello)
	b := workerOf(t, cert, here.another(t).process(t), hello)
	var to atomic.Pointer[net.UDPAddr]
	to.Store(net.UDPAddrFromAddrPort(a.Addr()))
	front := splice(t, &to)
	store := tokens{quic.NewLRUTokenStore(1, 4), make(chan struct{}, 8)}
	conn, err := dialQUIC(t, front.String(), cert, &quic.Config{TokenStore: store})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(noError, "")
	select {
	case <-store.got: // it comes when the server has confirmed the handshake: nothing of that is under way any more
	case <-time.After(patience):
		t.Fatal("no token")
	}
	to.Store(net.UDPAddrFromAddrPort(b.Addr()))
	stream, err := conn.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write(make([]byte, 1000)); err != nil { // to the smallest packets nobody answers by a reset
		t.Fatal(err)
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Fatal("the client still believes in its connection")
	}
	var reset *quic.StatelessResetError
	if err := context.Cause(conn.Context()); !errors.As(err, &reset) {
		t.Errorf("it ended by %v", err)
	}
}

// splice passes datagrams of one client on to an address that may change.
func splice(t *testing.T, to *atomic.Pointer[net.UDPAddr]) net.Addr {
	t.Helper()
	front, back := listenUDP(t, 0), listenUDP(t, 0)
	var client atomic.Pointer[net.UDPAddr]
	ended := make(chan struct{}, 2)
	pass := func(in, out *net.UDPConn, seen func(*net.UDPAddr), next *atomic.Pointer[net.UDPAddr]) {
		defer func() { ended <- struct{}{} }()
		buf := make([]byte, 2048)
		for {
			n, from, err := in.ReadFromUDP(buf)
			if err != nil {
				return
			}
			seen(from)
			if _, err := out.WriteToUDP(buf[:n], next.Load()); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("pass on: %v", err)
			}
		}
	}
	go pass(front, back, client.Store, to)
	go pass(back, front, func(*net.UDPAddr) {}, &client)
	t.Cleanup(func() {
		_, _ = front.Close(), back.Close()
		<-ended
		<-ended
	})
	return front.LocalAddr()
}
