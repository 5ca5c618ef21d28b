package link

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
)

// Class describes one link and whose it is.
type Class struct {
	Name     string         // no two the same; chance depends on it
	Prefixes []netip.Prefix // of the clients
	Settings Settings
}

// lineLimit bounds the packets that are on their way in one direction, over all links.
const lineLimit = 1 << 15

// Network is all links between the clients and the edge.
type Network struct {
	links   []*Link
	byAddr  bart.Table[*Link]
	lines   [directions]line
	strange atomic.Uint64
	refused atomic.Uint64
}

// line is what is on its way in one direction. One goroutine works on it.
type line struct {
	schedule
	order uint64
	free  [][]byte // buffers of largest bytes
}

const largest = 2048 // bytes of a buffer: above every packet that a device of 1500 bytes gives

// New makes a network out of links.
func New(seed uint64, classes []Class) (*Network, error) {
	n := &Network{}
	names := map[string]bool{}
	for _, c := range classes {
		if err := c.Settings.Check(); err != nil {
			return nil, fmt.Errorf("class %s: %w", c.Name, err)
		}
		if names[c.Name] {
			return nil, fmt.Errorf("class %s: given twice", c.Name)
		}
		names[c.Name] = true
		l := newLink(seed, c.Name, c.Settings)
		n.links = append(n.links, l)
		for _, p := range c.Prefixes {
			n.byAddr.Insert(p, l)
		}
	}
	return n, nil
}

// Link returns a link by its name, nil where there is none.
func (n *Network) Link(name string) *Link {
	for _, l := range n.links {
		if l.name == name {
			return l
		}
	}
	return nil
}

// Strange returns how many packets belonged to no link; they are lost.
func (n *Network) Strange() uint64 { return n.strange.Load() }

// Refused returns how many packets the devices did not take, which counters hold as carried.
func (n *Network) Refused() uint64 { return n.refused.Load() }

// buffer returns one to read a packet into.
func (l *line) buffer() []byte {
	if len(l.free) == 0 {
		return make([]byte, largest)
	}
	b := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	return b
}

func (l *line) release(b []byte) { l.free = append(l.free, b[:cap(b)]) }

func (l *line) add(at time.Duration, back bool, b []byte) {
	l.order++
	l.push(event{at: at, order: l.order, back: back, bytes: b})
}

// offer takes a packet that has come from one side, in a buffer of the line, which belongs to the line again.
func (n *Network) offer(now time.Duration, d Direction, b []byte) {
	line := &n.lines[d]
	p, ok := parse(b)
	var link *Link
	if ok {
		link, ok = n.byAddr.Lookup(p.client(d))
	}
	if !ok {
		n.strange.Add(1)
		line.release(b)
		return
	}
	o := link.offer(now, d, p)
	switch {
	case len(line.schedule) >= lineLimit:
		if o.lost == None {
			link.overflowed(d)
		}
	case o.lost == None:
		line.add(o.at, false, b)
		return
	case o.tell > 0:
		answer := line.buffer()
		if e := tooBig(answer, p, o.tell); e != nil {
			line.add(o.at, true, e)
			link.told(d)
		} else {
			line.release(answer)
		}
	}
	line.release(b)
}

// next returns when the next packet arrives, ok is false where none is on its way.
func (n *Network) next(d Direction) (at time.Duration, ok bool) {
	s := n.lines[d].schedule
	if len(s) == 0 {
		return 0, false
	}
	return s[0].at, true
}

// deliver hands out what has arrived by now, in order. The bytes are give's until it returns.
func (n *Network) deliver(now time.Duration, d Direction, give func(back bool, b []byte)) {
	line := &n.lines[d]
	for len(line.schedule) > 0 && line.schedule[0].at <= now {
		e := line.pop()
		give(e.back, e.bytes)
		line.release(e.bytes)
	}
}
