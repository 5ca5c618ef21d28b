package node

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"

	"quicedge/internal/quicsrv"
)

// adminName is the FileDescriptorName of the operators' socket; all other sockets are the clients'.
const adminName = "admin"

// activated are sockets that a service manager has opened for this process (sd_listen_fds(3)). It keeps them open when the process has
// ended, so that what clients send meanwhile waits there.
type activated struct {
	udp   []*net.UDPConn
	tcp   *net.TCPListener // of clients; nil where none was given, as is the next
	admin *net.TCPListener
}

// receiveActivated takes the sockets, and their description out of the environment, so that no child believes it is meant.
func receiveActivated() (a activated, err error) {
	for _, f := range activation.Files(true) {
		err = errors.Join(err, a.add(f), f.Close())
	}
	if err != nil {
		return activated{}, errors.Join(fmt.Errorf("sockets of the service manager: %w", err), a.close())
	}
	return a, nil
}

func (a *activated) add(f *os.File) error {
	if conn, err := net.FilePacketConn(f); err == nil {
		if udp, ok := conn.(*net.UDPConn); ok {
			a.udp = append(a.udp, udp)
			return nil
		}
		return errors.Join(fmt.Errorf("%s: it is a %T: give UDP (ListenDatagram=host:port) and TCP (ListenStream=host:port)", f.Name(), conn), conn.Close())
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("%s: it is no socket that listens: %w", f.Name(), err)
	}
	tcp, ok := l.(*net.TCPListener)
	to := &a.tcp
	if f.Name() == adminName {
		to = &a.admin
	}
	switch {
	case !ok:
		return errors.Join(fmt.Errorf("%s: it is a %T: give UDP (ListenDatagram=host:port) and TCP (ListenStream=host:port)", f.Name(), l), l.Close())
	case *to != nil:
		return errors.Join(fmt.Errorf("%s: TCP on %s and on %s: clients have one address, and that of operators is to be called %s (FileDescriptorName)",
			f.Name(), (*to).Addr(), tcp.Addr(), adminName), l.Close())
	}
	*to = tcp
	return nil
}

// clients reports whether there is one for clients.
func (a *activated) clients() bool { return len(a.udp) > 0 || a.tcp != nil }

// bindActivated makes the clients' port of the sockets that the service manager has given.
func (n *Node) bindActivated() (*quicsrv.Sockets, error) {
	udp, tcp := n.activated.udp, n.activated.tcp
	n.activated.udp, n.activated.tcp = nil, nil
	n.lent = len(udp) > 0
	s, err := quicsrv.Adopt(udp, tcp, n.cfg.Workers)
	if err == nil && n.cfg.Workers > len(s.UDP()) {
		n.log.Warn("there are fewer workers than wanted: the service manager's UDP sockets share their port with none of ours; give one for each worker, "+
			"or ReusePort=yes where the node runs as the manager's user", "workers", len(s.UDP()), "wanted", n.cfg.Workers)
	}
	return s, err
}

func (a *activated) close() (err error) {
	for _, udp := range a.udp {
		err = errors.Join(err, udp.Close())
	}
	for _, tcp := range []*net.TCPListener{a.tcp, a.admin} {
		if tcp != nil {
			err = errors.Join(err, tcp.Close())
		}
	}
	*a = activated{}
	return err
}
