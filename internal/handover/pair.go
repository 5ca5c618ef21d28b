package handover

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Pair returns the two ends of a Unix socket of packets. Who reads one end gets io.EOF when the other is closed in all processes.
func Pair() (a, b *net.UnixConn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	one, two := os.NewFile(uintptr(fds[0]), "one"), os.NewFile(uintptr(fds[1]), "two")
	defer one.Close()
	defer two.Close()
	if a, err = packets(one); err != nil {
		return nil, nil, err
	}
	if b, err = packets(two); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a, b, nil
}

// packets makes a connection of a copy of a file.
func packets(f *os.File) (*net.UnixConn, error) {
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use a socket: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("use a socket: it is a %T, no Unix socket", conn), conn.Close())
	}
	return unixConn, nil
}
