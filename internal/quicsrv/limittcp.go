package quicsrv

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// sparedFiles is how many file descriptors TCP clients leave for everything else: files that are served, video workers, operators.
const sparedFiles = 512

// limitedListener refuses TCP clients that are too many, by a reset: that leaves nothing behind in the kernel, and they go elsewhere at
// once. The kernel has validated their addresses.
type limitedListener struct {
	*net.TCPListener
	limits *limits
	files  *files
}

// Accept implements net.Listener.
func (l limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		p := l.limits.prefix(tcpAddrOf(conn))
		if l.limits.refusedTCP(l.admit(p)) == nil {
			leave := func() { l.limits.leave(p); l.files.put() }
			return &limitedConn{TCPConn: conn, leave: sync.OnceFunc(leave)}, nil
		}
		_ = conn.SetLinger(0)
		_ = conn.Close()
	}
}

// admit counts a client, or returns why it is refused.
func (l limitedListener) admit(p netip.Prefix) error {
	if err := l.limits.begin(p); err != nil {
		return err
	}
	if !l.files.take() {
		return OpenFiles
	}
	if err := l.limits.enter(p); err != nil {
		l.files.put()
		return err
	}
	return nil
}

// limitedConn is counted until it is closed.
type limitedConn struct {
	*net.TCPConn
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.leave()
	return c.TCPConn.Close()
}

// files are the file descriptors that TCP clients may have.
type files struct {
	mu    sync.Mutex
	spare int
}

// newFiles looks how many the process may open.
func newFiles() *files {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil { // no kernel refuses it
		return &files{spare: sparedFiles}
	}
	n := int(min(most.Cur, 1<<30))
	return &files{spare: max(n-sparedFiles, n/2)}
}

func (f *files) take() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spare == 0 {
		return false
	}
	f.spare--
	return true
}

func (f *files) put() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare++
}
