package dataplane

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// network is the network namespace that programs are attached in. Its netlink socket was opened by a thread within it, so that
// any thread may ask through it later.
type network struct {
	*netlink.Handle
	cookie uint64 // tells the namespace from every other until the machine starts anew (SO_NETNS_COOKIE)
}

// openNetwork opens that of the calling thread.
func openNetwork() (n network, err error) {
	if n.cookie, err = cookie(); err != nil {
		return n, fmt.Errorf("ask which network namespace this is: %w", err)
	}
	n.Handle, err = netlink.NewHandle(unix.NETLINK_ROUTE)
	return n, explain("open netlink", err)
}

func cookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	c, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, unsupported("5.14", "network namespaces with a cookie", err)
	}
	return c, err
}

// close closes the netlink socket. The zero network has none.
func (n network) close() {
	if n.Handle != nil {
		n.Handle.Close()
	}
}

// lockNetwork waits until no other process of ours changes what is attached in the calling thread's network namespace. Whoever
// needs the lock of a pin folder too takes this one first.
func lockNetwork(ctx context.Context) (dirLock, error) {
	lock, err := lockDir(ctx, "/proc/thread-self/ns/net")
	return lock, explain("lock the network namespace", err)
}
