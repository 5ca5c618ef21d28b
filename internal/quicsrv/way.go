package quicsrv

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// maxRelayed is more than a datagram that quic-go has room for, with its address and control messages, takes.
const maxRelayed = 4096

// way is a Unix socket of packets to another process, by which it gets datagrams that this one has read:
//
//	length of what follows   1 byte
//	source                   netip.AddrPort in its binary form
//	length of what follows   1 byte
//	control messages         as the kernel gave them: ECN, local address
//	datagram                 the rest
type way struct {
	conn *net.UnixConn
	gone atomic.Bool // the process has ended
}

// send reports whether there is somebody to send to. Like a socket buffer that is full, one who does not keep up loses datagrams: waiting
// for it would hold up all the others.
func (w *way) send(d datagram, buf *[]byte) bool {
	if w.gone.Load() {
		return false
	}
	from, ok := d.from.(*net.UDPAddr)
	if !ok {
		return false
	}
	*buf = appendRelayed((*buf)[:0], from.AddrPort(), d)
	err := w.try(func(fd int) error {
		_, err := unix.SendmsgN(fd, *buf, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return err
	})
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		w.gone.Store(true)
	}
	return !w.gone.Load()
}

// lives reports whether the process still has its end. It never sends anything.
func (w *way) lives() bool {
	return errors.Is(w.try(func(fd int) error {
		n, _, err := unix.Recvfrom(fd, make([]byte, 1), unix.MSG_DONTWAIT|unix.MSG_PEEK)
		if err == nil && n > 0 {
			return unix.EAGAIN // somebody who does send is not gone
		}
		return err
	}), unix.EAGAIN)
}

// try calls f once, whether or not the socket is ready.
func (w *way) try(f func(fd int) error) error {
	raw, err := w.conn.SyscallConn()
	if err != nil {
		return err
	}
	outer := raw.Write(func(fd uintptr) bool {
		err = f(int(fd))
		return true
	})
	return errors.Join(outer, err)
}

func appendRelayed(b []byte, from netip.AddrPort, d datagram) []byte {
	at := len(b)
	b, _ = from.AppendBinary(append(b, 0)) // never fails
	b[at] = byte(len(b) - at - 1)
	b = append(append(b, byte(len(d.oob))), d.oob...)
	return append(b, d.data...)
}

// decodeRelayed returns what lies in b.
func decodeRelayed(b []byte) (d datagram, err error) {
	addr, rest, ok := cutCounted(b)
	oob, data, ok2 := cutCounted(rest)
	var from netip.AddrPort
	if !ok || !ok2 {
		return d, fmt.Errorf("read a datagram of another process: %d bytes are too few", len(b))
	}
	if err := from.UnmarshalBinary(addr); err != nil {
		return d, fmt.Errorf("read a datagram of another process: %w", err)
	}
	return datagram{data: data, oob: oob, from: net.UDPAddrFromAddrPort(from)}, nil
}

// cutCounted cuts off a piece that begins with its length.
func cutCounted(b []byte) (piece, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	if len(b) < end {
		return nil, nil, false
	}
	return b[1:end], b[end:], true
}
