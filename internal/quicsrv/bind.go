package quicsrv

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// bindTries bounds the search for a port that is free on both protocols. On a host where half of all ports were taken on TCP,
// 16 tries would fail once in 65,536 starts.
const bindTries = 16

// sockets are one port, bound on both protocols.
type sockets struct {
	udp *net.UDPConn
	tcp *net.TCPListener
}

func (s sockets) Close() error {
	return errors.Join(ignoreClosed(s.udp.Close()), ignoreClosed(s.tcp.Close()))
}

// ignoreClosed lets a socket be closed by its server and by its owner.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// bind takes one port on UDP and TCP. After an error nothing stays bound.
func bind(listen string) (sockets, error) {
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return sockets{}, fmt.Errorf("listen on %q: %w: give --listen as host:port, [ipv6]:port or :port", listen, err)
	}
	tries := 1
	if addr.Port == 0 {
		tries = bindTries
	}
	for {
		s, err := bindBoth(addr)
		tries--
		if err == nil || tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

func bindBoth(addr *net.UDPAddr) (sockets, error) {
	udp, err := net.ListenUDP("udp", addr)
	if err != nil {
		return sockets{}, bindError("udp", addr.Port, err)
	}
	port := udp.LocalAddr().(*net.UDPAddr).Port
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: addr.IP, Port: port, Zone: addr.Zone})
	if err != nil {
		return sockets{}, errors.Join(bindError("tcp", port, err), udp.Close())
	}
	return sockets{udp: udp, tcp: tcp}, nil
}

func bindError(network string, port int, err error) error {
	return fmt.Errorf("listen on %s port %d: %w: %s", network, port, err, bindCure(network, port, err))
}

func bindCure(network string, port int, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		show := map[string]string{"udp": "-ulpn", "tcp": "-tlpn"}[network]
		return "see who holds it with `ss " + show + " 'sport = :" + strconv.Itoa(port) + "'`, stop that program or choose another port with --listen"
	case errors.Is(err, syscall.EACCES):
		return "a port below 1024 needs CAP_NET_BIND_SERVICE: run as root, grant it, or choose a higher port with --listen"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no interface has that address: see `ip addr`, or leave the host out of --listen"
	}
	return "choose another address with --listen"
}
