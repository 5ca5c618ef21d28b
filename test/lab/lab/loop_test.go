package lab

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/class"
	"quicedge/internal/path"
	"quicedge/test/lab/link"
)

// quick makes the node look at its measurements often, and try a lowered class again soon.
var quick = []string{"--tick", "20ms", "--learn-raise-after", "3s"}

// hurried is how long a client of these tests waits for a handshake: longer than the server waits until it takes one for failed.
const hurried = 1700 * time.Millisecond

// careful is a client that begins as small as it may.
func careful() *quic.Config {
	return &quic.Config{InitialPacketSize: 1200, DisablePathMTUDiscovery: true, HandshakeIdleTimeout: hurried}
}

// short is a link of a short round trip, on which a search for the path MTU ends soon.
func short(change func(*link.Path)) link.Settings {
	p := link.Path{Delay: time.Millisecond, Rate: 10_000_000, Queue: 16 << 10}
	if change != nil {
		change(&p)
	}
	return link.Settings{Up: p, Down: p}
}

// node is our node in a lab with one class.
type node struct {
	*Server
	lab *Lab
	id  class.ID
}

const endless = 1 << 30

// runNode starts a node that is told rows, and looks at one class.
func runNode(t *testing.T, l *Lab, id class.ID, n Node) node {
	t.Helper()
	n.Program, n.Folder, n.Root = filepath.Join(programs, "quicedge"), t.TempDir(), folder(t, 1000, endless)
	n.Args = append(append([]string{}, quick...), n.Args...)
	return node{keep(t)(l.StartNode(t.Context(), n)), l, id}
}

// learned is what the node has learned of the class.
func (n node) learned(t *testing.T) path.LearnedAnswer {
	t.Helper()
	all, err := n.Admin().Learned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.ProvinceID == int(n.id.Province()) && a.ISP == n.id.ISP().String() {
			return a
		}
	}
	return path.LearnedAnswer{}
}

// profile is what the server does for a client of the class now.
func (n node) profile(t *testing.T) path.Answer {
	t.Helper()
	a, err := n.Admin().Lookup(t.Context(), Host(Net4(n.id, 0), 1))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// client returns a client's address in the i-th network of the class, of both families by turns.
func (n node) client(i int) netip.Addr {
	if i%2 == 1 {
		return Host(Net6(n.id, i), 1)
	}
	return Host(Net4(n.id, i), 1)
}

// visit fetches a small file, and returns what failed.
func (n node) visit(t *testing.T, from netip.Addr) error {
	return n.lab.Fetch(t.Context(), from, careful(), FileOf(1000), patience, nil).Err
}

// crowd keeps clients of the class downloading, until it is sent away.
type crowd struct {
	connections atomic.Int64
	failed      atomic.Int64 // handshakes
	away        context.CancelFunc
	all         sync.WaitGroup
}

// whileLong is how long a client of a crowd keeps a connection: longer than a search for the path MTU takes.
const whileLong = 5 * time.Second

// gather begins a download from each of some networks, and another after a while: a search may have been misled by loss.
func (n node) gather(t *testing.T, networks ...int) *crowd {
	ctx, away := context.WithCancel(t.Context())
	c := &crowd{away: away}
	patient := careful()
	patient.HandshakeIdleTimeout = patience
	for _, i := range networks {
		c.all.Go(func() {
			for ctx.Err() == nil {
				c.connections.Add(1)
				once, end := context.WithTimeout(ctx, whileLong)
				f := n.lab.Fetch(once, n.client(i), patient, FileOf(endless), patience, nil)
				end()
				if f.Handshake == 0 && ctx.Err() == nil {
					c.failed.Add(1)
				}
			}
		})
	}
	t.Cleanup(c.leave)
	return c
}

func (c *crowd) leave() {
	c.away()
	c.all.Wait()
}

// prove lets clients of five networks show what their path carries, until the node begins with it.
func (n node) prove(t *testing.T) path.LearnedAnswer {
	t.Helper()
	c := n.gather(t, 0, 1, 2, 3, 4)
	defer c.leave()
	until(t, "a proven size", func() bool { return n.learned(t).Proven > 0 })
	if failed := c.failed.Load(); failed > 0 {
		t.Errorf("%d of %d handshakes failed while nothing was proven", failed, c.connections.Load())
	}
	return n.learned(t)
}

// sizes notes the datagrams towards clients, by connection: the first that is no mere acknowledgement, and the largest, in bytes of the IP
// packet.
type sizes struct {
	mu             sync.Mutex
	first, largest map[netip.AddrPort]int
}

// watchSizes watches those of some addresses.
func watchSizes(l *link.Link, of ...netip.Addr) *sizes {
	s := &sizes{first: map[netip.AddrPort]int{}, largest: map[netip.AddrPort]int{}}
	l.Watch(func(d link.Direction, client netip.AddrPort, size int) {
		if d == link.Up || !slices.Contains(of, client.Addr()) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.first[client] == 0 && size > 1000 {
			s.first[client] = size
		}
		s.largest[client] = max(s.largest[client], size)
	})
	return s
}

// together runs visits side by side, and returns how many failed and the last error.
func together(n int, visit func(i int) error) (failed int, last error) {
	results := make(chan error)
	for i := range n {
		go func() { results <- visit(i) }()
	}
	for range n {
		if err := <-results; err != nil {
			failed++
			last = fmt.Errorf("%d of %d failed: %w", failed, n, err)
		}
	}
	return failed, last
}

// of returns the first and the largest size, by connection.
func (s *sizes) of() map[netip.AddrPort][2]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[netip.AddrPort][2]int{}
	for client, first := range s.first {
		all[client] = [2]int{first, s.largest[client]}
	}
	return all
}
