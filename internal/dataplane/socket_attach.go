package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// AttachFilter puts the filter on a UDP socket, in the place of any that it has. It is of use without steering, and for
// sockets that never join.
func (s *Steering) AttachFilter(conn syscall.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return control(conn, func(fd int) error {
		if err := checkUDP(fd); err != nil {
			return fmt.Errorf("attach the socket filter: %w", err)
		}
		return attachProgram(fd, unix.SO_ATTACH_BPF, s.filter, "socket filter")
	})
}

func attachSteer(fd int, p *ebpf.Program) error {
	return attachProgram(fd, unix.SO_ATTACH_REUSEPORT_EBPF, p, "steering program")
}

func attachProgram(fd, option int, p *ebpf.Program, name string) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, p.FD())
	switch {
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("attach the %s: %w: raise net.core.optmem_max: sysctl -w net.core.optmem_max=131072", name, err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("attach the %s: %w: the socket's filter is locked (SO_LOCK_FILTER)", name, err)
	}
	return explain("attach the "+name, err)
}

// control runs f on a connection's file descriptor.
func control(conn syscall.Conn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("use the socket: %w", err)
	}
	outer := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(outer, err)
}

func checkUDP(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return fmt.Errorf("ask the socket for its protocol: %w", err)
	}
	if kind != unix.IPPROTO_UDP {
		return fmt.Errorf("the socket's protocol is %d, not UDP: give one that QUIC comes by", kind)
	}
	return nil
}

// checkSocket refuses what cannot be one of several sockets that share a UDP port, and returns what it is bound to.
func checkSocket(fd int) (addr netip.AddrPort, err error) {
	if err := checkUDP(fd); err != nil {
		return addr, err
	}
	shared, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
	if err != nil {
		return addr, fmt.Errorf("ask the socket whether it shares its port: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return addr, fmt.Errorf("ask the socket what it is bound to: %w", err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		addr = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		addr = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	if shared == 0 || addr.Port() == 0 {
		return addr, errors.New("the socket shares no port: set SO_REUSEPORT, then bind it")
	}
	return addr, nil
}
