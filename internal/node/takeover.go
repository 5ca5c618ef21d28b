package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"quicedge/internal/adminsocket"
	"quicedge/internal/handover"
	"quicedge/internal/quicsrv"
	"quicedge/internal/statedir"
)

// What a process gives to the one that takes its place, by name.
const (
	giftTCP      = "tcp"      // the clients' listening socket
	giftOperator = "operator" // the operators'
	giftAdmin    = "admin"    // the Unix socket of commands
	giftState    = "state"    // the lock of the state folder
	giftHold     = "hold"     // the lock of the data plane
)

// takePlace receives what the process before gives, or else a service manager, if there is one.
func (n *Node) takePlace(context.Context) (err error) {
	if n.estate, err = handover.Receive(); n.estate != nil || err != nil {
		return err
	}
	n.activated, err = receiveActivated()
	return err
}

// take returns a file of the process before, nil where there is none.
func (n *Node) take(name string) *os.File {
	if n.estate == nil {
		return nil
	}
	return n.estate.Take(name)
}

func (n *Node) lockState(state statedir.Dir) (err error) {
	if f := n.take(giftState); f != nil {
		n.lock = statedir.HeldLock(f)
		return nil
	}
	n.lock, err = state.LockNode()
	return err
}

// listenAdmin opens the socket of commands, or goes on with that of the process before.
func (n *Node) listenAdmin(name string) (net.Listener, error) {
	if n.estate == nil {
		return adminsocket.Listen(name)
	}
	return n.estate.Listener(giftAdmin)
}

// bindClients takes the clients' port, with the process before where there is one.
func (n *Node) bindClients() (*quicsrv.Sockets, error) {
	switch {
	case n.activated.clients():
		return n.bindActivated()
	case n.estate == nil:
		return quicsrv.Bind(n.cfg.Listen, n.cfg.Workers)
	}
	l, err := n.estate.Listener(giftTCP)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("take over the clients' port: it is a %T", l), l.Close())
	}
	udp, err := n.inheritDatagrams()
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	return quicsrv.Adopt(udp, tcp, n.cfg.Workers)
}

// takeOver waits for the word of the process before, all being ready, and lets new connections come.
func (n *Node) takeOver() error {
	if n.estate != nil {
		n.estate.Ready()
		n.loop.Remember() // what the process before has learned until now
	}
	if err := n.steers.commit(); err != nil {
		return err
	}
	if n.public != nil {
		n.public.Read()
	}
	return nil
}

// tellTaken lets the process before go. What is removed and taken down at the end is this one's from here on.
func (n *Node) tellTaken() error {
	if n.estate == nil {
		return nil
	}
	if unix, ok := n.adminAt.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(true)
	}
	err := n.estate.Serving()
	n.estate = nil
	return err
}
