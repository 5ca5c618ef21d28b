// Package lab is an edge and its clients, with an emulated link between them for each class of clients: two network namespaces,
// a TUN device in each, and a link.Network in between. Servers run in it as processes, clients as sockets of this one.
//
//	l := lab.New(t, lab.Config{Seed: 1, Classes: []lab.Class{{ID: gansu, Settings: link.Settings{Down: link.Path{MTU: 1280}}}}})
//	server, err := l.Start(exec.Command("build/quicedge", "run", "--iface", lab.Device, ...))
//	conn, err := l.Dial(ctx, lab.Host(lab.Net4(gansu, 0), 1), &quic.Config{InitialPacketSize: 1200})
//	l.Link(gansu).Change(func(s *link.Settings) { s.Down.MTU = 1300 })
//
// It needs root. Nothing of it has a name outside, and all of it goes with Close or with the process.
package lab

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/netnstest"
	"quicedge/test/lab/link"
)

// Config says what a lab is made of.
type Config struct {
	Seed    uint64
	Classes []Class // each once, and networks of their own
}

// Class is a class of clients and the link that joins them to the edge.
type Class struct {
	ID       class.ID
	Settings link.Settings
	Only     netip.Prefix // of its networks, the one that has this link in place of the class's; the zero Prefix: all
}

func (c Class) link() link.Class {
	if c.Only.IsValid() {
		return link.Class{Name: c.Only.String(), Prefixes: []netip.Prefix{c.Only}, Settings: c.Settings}
	}
	return link.Class{Name: c.ID.String(), Prefixes: Prefixes(c.ID), Settings: c.Settings}
}

// Lab is an edge with its clients. Close it.
type Lab struct {
	Edge, Clients netnstest.NS

	network   *link.Network
	forwarder *link.Forwarder
	devices   []*os.File
}

// New makes a lab for as long as a test runs. It skips where the test may not make network namespaces, as netnstest does.
func New(t testing.TB, cfg Config) *Lab {
	t.Helper()
	netnstest.New(t) // only to skip where it cannot
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	return l
}

// Open makes a lab. After an error nothing of it is left.
func Open(cfg Config) (*Lab, error) {
	classes := make([]link.Class, len(cfg.Classes))
	for i, c := range cfg.Classes {
		classes[i] = c.link()
	}
	network, err := link.New(cfg.Seed, classes)
	if err != nil {
		return nil, err
	}
	l := &Lab{network: network, Edge: netnstest.NS{NsHandle: -1}, Clients: netnstest.NS{NsHandle: -1}}
	if err := l.build(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build() (err error) {
	if l.Edge, err = netnstest.Open(); err != nil {
		return err
	}
	if l.Clients, err = netnstest.Open(); err != nil {
		return err
	}
	for _, side := range []struct {
		ns    netnstest.NS
		setUp func(netnstest.NS) error
	}{{l.Clients, setUpClients}, {l.Edge, setUpEdge}} {
		err := side.ns.Within(func() error {
			tun, err := link.OpenTUN(Device)
			l.devices = append(l.devices, tun)
			return err
		})
		if err != nil {
			return err
		}
		if err := side.setUp(side.ns); err != nil {
			return err
		}
	}
	l.forwarder, err = l.network.Forward(l.devices[0], l.devices[1])
	return err
}

// Link returns the link of a class, nil where the lab has none.
func (l *Lab) Link(id class.ID) *link.Link { return l.network.Link(id.String()) }

// LinkOf returns the link that one network has for itself, nil where it has none.
func (l *Lab) LinkOf(net netip.Prefix) *link.Link { return l.network.Link(net.String()) }

// Close takes the lab down, and says what went wrong in the emulator meanwhile. Servers must have been stopped.
func (l *Lab) Close() (err error) {
	if l.forwarder != nil {
		err = l.forwarder.Close()
	}
	for _, tun := range l.devices {
		if tun != nil {
			err = errors.Join(err, tun.Close())
		}
	}
	for _, ns := range []*netnstest.NS{&l.Clients, &l.Edge} {
		if ns.IsOpen() {
			err = errors.Join(err, ns.Close())
		}
	}
	return err
}
