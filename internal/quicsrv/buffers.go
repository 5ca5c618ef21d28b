package quicsrv

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bufferSize is what quic-go asks of a UDP socket, in bytes: with less, a burst at 1 Gbit/s is dropped while the reader waits
// for its turn on the processor.
const bufferSize = 7 << 20

// quietQUIC is quic-go's switch for its own warning, which goes to the standard logger without the cure.
const quietQUIC = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"

// enlargeBuffers asks for large socket buffers and warns where the kernel gives less.
func enlargeBuffers(udp *net.UDPConn, log *slog.Logger) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return fmt.Errorf("reach udp socket: %w", err)
	}
	for _, b := range []struct {
		name, sysctl string
		get, force   int
		set          func(int) error
	}{
		{"receive", "net.core.rmem_max", unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, udp.SetReadBuffer},
		{"send", "net.core.wmem_max", unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, udp.SetWriteBuffer},
	} {
		got := enlarge(raw, b.get, b.force, b.set)
		if got < bufferSize {
			log.Warn("udp "+b.name+" buffer is small: bursts may be lost", "bytes", got, "wanted", bufferSize,
				"cure", "sysctl -w "+b.sysctl+"=7500000")
		}
	}
	if _, set := os.LookupEnv(quietQUIC); !set {
		return os.Setenv(quietQUIC, "true")
	}
	return nil
}

// enlarge returns the size that the kernel reports in the end: twice what it granted, as it counts its own overhead. What another
// process has made larger, with more rights, stays.
func enlarge(raw syscall.RawConn, get, force int, set func(int) error) (size int) {
	_ = raw.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, get) })
	if size >= bufferSize {
		return size
	}
	_ = set(bufferSize) // judged by the size below
	_ = raw.Control(func(fd uintptr) {
		if size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, get); size < bufferSize {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, force, bufferSize) // needs CAP_NET_ADMIN
			size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, get)
		}
	})
	return size
}
