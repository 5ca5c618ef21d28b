package main

import (
	"fmt"
	"strings"
	"time"

	"quicedge/test/lab/lab"
	"quicedge/test/lab/link"
)

// scenario is what the chosen classes go through.
type scenario struct {
	name, says string
	lasts      time.Duration
	path       func(*lab.Profile) // changes what the networks are; nil: they are those of the file
	row        uint16             // MTU that the node is told for every chosen class; 0: what its shipped table says
	long       bool               // connections fetch until the time is over, also without an event
	initial    uint16             // --client-initial where it is not given
	event      change             // half way through; nil: each connection fetches one file
	heal       change             // after three quarters

	settings []string      // of the node, as flags
	renew    time.Duration // with an event: each connection ends after so long, and the client opens another; 0: when it stalls
	silence  time.Duration // each client asks once, is silent for so long, and asks again
	hostile  bool          // a network of each class, with a path of its own that carries tiny bytes, connects all the time
}

// change is what happens to a link, which has begun with some settings.
type change func(l *link.Link, was link.Settings) error

const (
	shrunk = 1300 // path MTU of the scenarios in which it is too small
	tiny   = 1260 // and of a network that wants all of its class to have no more

	forgetful = 2 * time.Second // timeout of NATs of the scenario in which clients are silent for longer
)

func scenarios() []scenario {
	return []scenario{
		{name: "steady", says: "the networks of the file", lasts: 15 * time.Second},
		{name: "clean", says: "the networks of the file without loss", lasts: 15 * time.Second, path: lossless},
		{name: "tunnel", says: "every path carries 1280 bytes and says nothing; the node is told", lasts: 15 * time.Second, path: narrow(1280), row: 1280, initial: 1200},
		{
			name: "carrier", says: "1.3 % of the packets above 1412 bytes are lost, no others, at 50 Mbit/s; the node is told 1412", lasts: 15 * time.Second,
			path: carrier, row: 1412, long: true,
		},
		{name: "wrong", says: "the node is told 1420, every path carries 1300 bytes and says nothing", lasts: 15 * time.Second, path: narrow(shrunk), row: 1420, initial: 1200},
		{
			name: "shrink", says: "half way through, the path carries 1300 bytes and says nothing; after three quarters it is as it was", lasts: 40 * time.Second,
			initial: 1200, event: shrink, heal: widen,
		},
		{
			name: "heal", says: "as shrink, 20 ms away with 2 % of loss, with clients that connect anew every 3 s, and a node that tries a lowered class again after 8 s",
			lasts: time.Minute, path: near, initial: 1200, event: shrink, heal: widen, renew: 3 * time.Second, settings: []string{"--tick", "100ms", "--learn-raise-after", "8s"},
		},
		{
			name: "attacker", says: "one /24 of each class, whose path carries 1260 bytes, connects all the time", lasts: 15 * time.Second,
			initial: 1200, hostile: true, settings: []string{"--tick", "100ms"},
		},
		{
			name: "nat", says: "clients are silent for 6 s, their NATs forget after 2 s, of which the node is told, and connections that hear nothing end after 4 s", lasts: 15 * time.Second,
			path: forget, silence: 3 * forgetful, settings: []string{"--nat-timeout", forgetful.String()},
		},
		{name: "rebind", says: "half way through, the client's NAT forgets its ports", lasts: 12 * time.Second, event: rebind},
	}
}

func lossless(p *lab.Profile) { p.Loss, p.Large = 0, link.Large{} }

func narrow(mtu int) func(*lab.Profile) {
	return func(p *lab.Profile) { p.MTU, p.ICMP = mtu, false }
}

// near is a path on which a search for the path MTU ends within a few seconds.
func near(p *lab.Profile) {
	p.RTT, p.Jitter, p.Loss, p.Bursty, p.Large = 20*time.Millisecond, 0, 0.02, 0, link.Large{}
	p.Down, p.Up = 0, 0 // no queue, which would make round trips longer
}

func forget(p *lab.Profile) { p.NAT = forgetful }

func carrier(p *lab.Profile) {
	p.MTU, p.Loss, p.Jitter, p.Large = 1500, 0, 0, link.Large{Size: 1412, Loss: 0.013}
	p.Down, p.Up = 50_000_000, 20_000_000
}

// shrink makes the path narrow; widen gives it back the MTU that it began with.
func shrink(l *link.Link, _ link.Settings) error {
	return l.Change(func(s *link.Settings) {
		for _, p := range []*link.Path{&s.Up, &s.Down} {
			p.MTU, p.ICMP = min(p.MTU, shrunk), false
		}
	})
}

func widen(l *link.Link, was link.Settings) error {
	return l.Change(func(s *link.Settings) { *s = was })
}

func rebind(l *link.Link, _ link.Settings) error {
	l.Rebind()
	return nil
}

func findScenario(name string) (scenario, error) {
	for _, s := range scenarios() {
		if s.name == name {
			return s, nil
		}
	}
	return scenario{}, fmt.Errorf("--scenario %s: choose one of %s", name, scenarioList())
}

func scenarioList() string {
	var b strings.Builder
	for i, s := range scenarios() {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s (%s)", s.name, s.says)
	}
	return b.String()
}
