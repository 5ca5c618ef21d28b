package quicsrv

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/quic-go/quic-go"
)

// IDs makes connection IDs that name this process and a worker of it, and reads them (RFC 9000, section 5.1). What steers datagrams to the
// sockets reads them too. It must be safe for concurrent use.
type IDs interface {
	// Len is the length of every ID in bytes, 8 to 20.
	Len() int
	// New returns a fresh ID.
	New(worker uint8) []byte
	// Process is the number of this process among those that have connections on the port.
	Process() uint8
	// Place returns the process and its worker that an ID names; ok is false for one that none of them has made.
	Place(id []byte) (process, worker uint8, ok bool)
}

// plainIDLen is the length of connection IDs that name no worker. 8 random bytes never meet twice; a longer ID costs each packet.
const plainIDLen = 8

// worker is one socket of the port and the connections that began there. It implements http3.QUICListener.
type worker struct {
	*quic.EarlyListener
	transport *quic.Transport
	gate      *gate
}

// transportKeys are what all workers must share: a client whose address changes may come to another one with a token, and a reset
// counts only if it carries the token that the connection's worker had announced.
type transportKeys struct {
	token quic.TokenGeneratorKey
	reset quic.StatelessResetKey
}

func newTransportKeys() *transportKeys {
	k := &transportKeys{}
	rand.Read(k.token[:]) // never fails
	rand.Read(k.reset[:])
	return k
}

// transport is what a worker sends and receives by.
func transport(cfg Config, number uint8, conn net.PacketConn, keys *transportKeys) *quic.Transport {
	t := &quic.Transport{Conn: conn, TokenGeneratorKey: &keys.token, StatelessResetKey: &keys.reset, VerifySourceAddress: cfg.verify}
	if cfg.IDs == nil {
		t.ConnectionIDLength = plainIDLen
	} else {
		t.ConnectionIDGenerator = workerIDs{cfg.IDs, number}
	}
	return t
}

// workerIDs implements quic.ConnectionIDGenerator.
type workerIDs struct {
	ids    IDs
	number uint8
}

func (w workerIDs) GenerateConnectionID() (quic.ConnectionID, error) {
	return quic.ConnectionIDFromBytes(w.ids.New(w.number)), nil
}

func (w workerIDs) ConnectionIDLen() int { return w.ids.Len() }

func startWorker(t *quic.Transport, tlsConf *tls.Config, conf *quic.Config, g *gate) (*worker, error) {
	ln, err := t.ListenEarly(tlsConf, conf)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for quic: %w", err), t.Close())
	}
	return &worker{EarlyListener: ln, transport: t, gate: g}, nil
}

// Accept implements http3.QUICListener. It follows the gate and no other context: nothing shuts the HTTP/3 server first.
func (w *worker) Accept(context.Context) (*quic.Conn, error) {
	conn, err := w.EarlyListener.Accept(w.gate.open)
	if w.gate.open.Err() != nil {
		if conn != nil {
			go conn.CloseWithError(noError, "")
		}
		return nil, quic.ErrServerClosed
	}
	if err != nil {
		return nil, err
	}
	w.gate.add(conn)
	return conn, nil
}

// turnAway closes connections whose handshake was under way when the gate was shut. It returns when the listener is closed.
func (w *worker) turnAway() {
	for {
		conn, err := w.EarlyListener.Accept(context.Background())
		if err != nil {
			return
		}
		go conn.CloseWithError(noError, "")
	}
}
