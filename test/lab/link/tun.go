package link

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// OpenTUN makes a TUN device in the network namespace of the calling thread: whole IP packets, one at a read, with checksums filled in, since
// the device offers the kernel no offload. It goes when it is closed.
func OpenTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w: run as root, and modprobe tun", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make device %s: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Forwarder is a Network at work between two devices.
type Forwarder struct {
	stop  [2]int // a pipe, whose end ends both directions
	ended chan error
}

// Forward starts to forward between two devices of OpenTUN, which must stay open until Close has returned.
func (n *Network) Forward(clients, edge *os.File) (*Forwarder, error) {
	f := &Forwarder{ended: make(chan error, directions)}
	if err := unix.Pipe2(f.stop[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	begun, c, e := time.Now(), int(clients.Fd()), int(edge.Fd())
	for _, fd := range []int{c, e} { // Fd made them blocking
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, errors.Join(fmt.Errorf("set up device: %w", err), unix.Close(f.stop[0]), unix.Close(f.stop[1]))
		}
	}
	go func() { f.ended <- n.run(begun, Up, c, e, f.stop[0]) }()
	go func() { f.ended <- n.run(begun, Down, e, c, f.stop[0]) }()
	return f, nil
}

// Close stops forwarding, and says what went wrong meanwhile.
func (f *Forwarder) Close() error {
	err := unix.Close(f.stop[1])
	return errors.Join(err, <-f.ended, <-f.ended, unix.Close(f.stop[0]))
}

// batch is how many packets are read before those that are due are written.
const batch = 64

// run forwards one direction until stop ends.
func (n *Network) run(begun time.Time, d Direction, from, to, stop int) error {
	fds := []unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
	for {
		if err := wait(fds, n.untilNext(begun, d)); err != nil {
			return err
		}
		if fds[1].Revents != 0 {
			return nil
		}
		if fds[0].Revents != 0 {
			if err := n.read(begun, d, from); err != nil {
				return err
			}
		}
		n.deliver(time.Since(begun), d, func(back bool, b []byte) {
			fd := to
			if back {
				fd = from
			}
			if _, err := unix.Write(fd, b); err != nil {
				n.refused.Add(1) // by a device that is down: the packet is lost, as on a wire that was cut
			}
		})
	}
}

// untilNext returns how long to wait for the next arrival, nil for as long as it takes.
func (n *Network) untilNext(begun time.Time, d Direction) *unix.Timespec {
	at, ok := n.next(d)
	if !ok {
		return nil
	}
	t := unix.NsecToTimespec(int64(max(0, at-time.Since(begun))))
	return &t
}

func wait(fds []unix.PollFd, limit *unix.Timespec) error {
	_, err := unix.Ppoll(fds, limit, nil)
	if errors.Is(err, unix.EINTR) {
		fds[0].Revents, fds[1].Revents = 0, 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for packets: %w", err)
	}
	return nil
}

// read takes a batch of packets.
func (n *Network) read(begun time.Time, d Direction, from int) error {
	for range batch {
		b := n.lines[d].buffer()
		size, err := unix.Read(from, b)
		if err != nil {
			n.lines[d].release(b)
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				return nil
			}
			return fmt.Errorf("read packets %s: %w", d, err)
		}
		n.offer(time.Since(begun), d, b[:size])
	}
	return nil
}
