package quicsrv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindTries bounds the search for a port that is free on both protocols. On a host where half of all ports were taken on TCP,
// 16 tries would fail once in 65,536 starts.
const bindTries = 16

// Sockets are one port: so many sockets for UDP as there are workers, which share it by SO_REUSEPORT, and one for TCP. Make
// them with Bind.
type Sockets struct {
	udp []*net.UDPConn
	tcp *net.TCPListener
}

// Addr returns the address that is bound on both protocols.
func (s *Sockets) Addr() netip.AddrPort {
	a := s.udp[0].LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// UDP returns the workers' sockets, in their order, for what attaches programs to them.
func (s *Sockets) UDP() []*net.UDPConn { return s.udp }

// TCP returns the listening socket, which a process that takes over shares.
func (s *Sockets) TCP() *net.TCPListener { return s.tcp }

// Close closes all of them. It may be called more than once.
func (s *Sockets) Close() error {
	var err error
	if s.tcp != nil {
		err = ignoreClosed(s.tcp.Close())
	}
	for _, udp := range s.udp {
		err = errors.Join(err, ignoreClosed(udp.Close()))
	}
	return err
}

// ignoreClosed lets a socket be closed by its server and by its owner.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// MaxWorkers is as many as connection IDs can name.
const MaxWorkers = 256

// Bind takes one port, "host:port", on UDP and TCP. Port 0 picks one that is free on both. 0 workers are one a CPU; each has a
// socket of its own. After an error nothing stays bound. The error of a port names it, its protocol and the cure, and wraps the
// system's (syscall.EADDRINUSE, EACCES).
func Bind(listen string, workers int) (*Sockets, error) {
	workers, err := countWorkers(workers)
	if err != nil {
		return nil, err
	}
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w: give --listen as host:port, [ipv6]:port or :port", listen, err)
	}
	tries := 1
	if addr.Port == 0 {
		tries = bindTries
	}
	for {
		s, err := bindBoth(addr, workers)
		tries--
		if err == nil || tries == 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

// bindBoth binds TCP without sharing, so that two servers on one port are told apart by it: their UDP sockets would share.
func bindBoth(addr *net.UDPAddr, workers int) (*Sockets, error) {
	first, err := listenShared("udp", addr)
	if err != nil {
		return nil, bindError("udp", addr.Port, err)
	}
	port := first.LocalAddr().(*net.UDPAddr).Port
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: addr.IP, Port: port, Zone: addr.Zone})
	if err != nil {
		return nil, errors.Join(bindError("tcp", port, err), first.Close())
	}
	s := &Sockets{udp: []*net.UDPConn{first}, tcp: tcp}
	if err := s.fill("udp", &net.UDPAddr{IP: addr.IP, Port: port, Zone: addr.Zone}, workers); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fill binds UDP sockets until there are as many as workers.
func (s *Sockets) fill(network string, addr *net.UDPAddr, workers int) error {
	for len(s.udp) < workers {
		next, err := listenShared(network, addr)
		if err != nil {
			return bindError("udp", addr.Port, err)
		}
		s.udp = append(s.udp, next)
	}
	return nil
}

func countWorkers(workers int) (int, error) {
	if workers < 0 || workers > MaxWorkers {
		return 0, fmt.Errorf("listen with %d workers: use 1 to %d, or 0 for one a CPU", workers, MaxWorkers)
	}
	return cmp.Or(workers, min(runtime.GOMAXPROCS(0), MaxWorkers)), nil
}

// listenShared binds a UDP socket to a port that others of the same user may bind too.
func listenShared(network string, addr *net.UDPAddr) (*net.UDPConn, error) {
	share := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		outer := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(outer, err)
	}}
	conn, err := share.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
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
