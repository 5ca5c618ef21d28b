package quicsrv

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Adopt makes Sockets of such as another process has opened: UDP sockets, a listening TCP socket, or both, all of one address and port. What
// is missing is bound beside them: TCP, and UDP until there are as many sockets as workers. All that are given get a worker. Where
// the system lets none of ours beside UDP sockets that are given (they lack SO_REUSEPORT, or are another user's), those are all. After
// an error everything is closed; for that of a port see Bind.
func Adopt(udp []*net.UDPConn, tcp *net.TCPListener, workers int) (_ *Sockets, err error) {
	s := &Sockets{udp: udp, tcp: tcp}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if workers, err = countWorkers(workers); err != nil {
		return nil, err
	}
	at, err := s.one()
	if err != nil {
		return nil, err
	}
	family := ""
	if at.Addr().Is4() { // else an address of all would be one of IPv6 too
		family = "4"
	}
	if s.tcp == nil {
		if s.tcp, err = net.ListenTCP("tcp"+family, net.TCPAddrFromAddrPort(at)); err != nil {
			return nil, bindError("tcp", int(at.Port()), err)
		}
	}
	err = s.fill("udp"+family, net.UDPAddrFromAddrPort(at), workers)
	if len(udp) > 0 && (errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)) {
		err = nil
	}
	return s, err
}

// one returns the address that all sockets have.
func (s *Sockets) one() (at netip.AddrPort, err error) {
	var all []netip.AddrPort
	for _, udp := range s.udp {
		all = append(all, udp.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	if s.tcp != nil {
		all = append(all, s.tcp.Addr().(*net.TCPAddr).AddrPort())
	}
	if len(all) == 0 {
		return at, errors.New("take over sockets: there are none")
	}
	for _, a := range all {
		if a != all[0] {
			return at, fmt.Errorf("take over sockets: one is bound to %s, another to %s: clients have one address and port", all[0], a)
		}
	}
	return all[0], nil
}
