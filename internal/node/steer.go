package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"quicedge/internal/dataplane"
	"quicedge/internal/quicsrv"
)

// steering is how datagrams find the worker of their connection.
type steering struct {
	ids        places
	key        [16]byte                // of the IDs, where the workers hand over to each other
	ways       map[uint8]*net.UnixConn // to the processes before, likewise
	kernel     *dataplane.Steering     // nil: the workers hand over to each other
	generation *dataplane.Generation   // nil likewise
	state      string                  // a few words for people
}

// places are the connection IDs of one process: they say its generation, the worker, and by a keyed tag that they are ours.
type places struct {
	cids       dataplane.CIDs
	generation uint8
}

// Len implements quicsrv.IDs.
func (p places) Len() int { return dataplane.CIDLen }

// New implements quicsrv.IDs.
func (p places) New(worker uint8) []byte { return p.cids.New(p.generation, worker) }

// Process implements quicsrv.IDs.
func (p places) Process() uint8 { return p.generation }

// Place implements quicsrv.IDs.
func (p places) Place(id []byte) (process, worker uint8, ok bool) { return p.cids.Parse(id) }

const byWorkers = "by the workers"

var errSteered = errors.New("take over from the process before: its workers are steered by the kernel, which these settings switch off: stop the node and start it")

// steer lets the kernel bring datagrams to the worker that their connection ID names. Where it cannot, the workers hand over to each
// other, which costs a copy of each datagram whose client has changed its address.
func (n *Node) steer(context.Context) (err error) {
	if n.inherited() {
		n.steers, err = n.inheritSteering()
		return err
	}
	conns := n.sockets.UDP()
	n.steers = steering{key: randomKey(), state: byWorkers}
	n.steers.ids.cids = dataplane.NewCIDs(n.steers.key)
	switch {
	case n.plane.plane == nil && n.estate != nil:
		return errSteered
	case n.plane.plane == nil, n.lent: // a socket that outlives its process would keep its place in the kernel's map
		return nil
	}
	err = n.steers.join(n.cfg.PinDir, n.cfg.Screen, conns)
	if errors.Is(err, dataplane.ErrInUse) || err != nil && n.estate != nil {
		return err
	}
	if err != nil {
		n.log.Warn("the kernel does not bring datagrams to their worker: the workers hand over to each other", "error", err)
	}
	return nil
}

func randomKey() (key [16]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// join puts the programs of a loaded data plane on the sockets, in a generation of their own.
func (s *steering) join(pinDir string, screen bool, conns []*net.UDPConn) (err error) {
	kernel, err := dataplane.OpenSteering(pinDir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, kernel.Close())
		}
	}()
	g, err := kernel.NextGeneration(len(conns))
	if err != nil {
		return err
	}
	for i, conn := range conns {
		if err := g.Join(conn, i); err != nil {
			return err
		}
		if !screen {
			continue
		}
		if err := kernel.AttachFilter(conn); err != nil {
			return err
		}
	}
	s.kernel, s.generation, s.state = kernel, g, "by the kernel"
	s.ids = places{kernel.CIDs(), g.Number()}
	return nil
}

// commit lets new connections come to this process.
func (s *steering) commit() error {
	if s.generation == nil {
		return nil
	}
	if err := s.generation.Commit(); err != nil {
		return fmt.Errorf("take new connections: %w", err)
	}
	return nil
}

func (s *steering) close() error {
	if s.kernel == nil {
		return nil
	}
	return s.kernel.Close()
}

var _ quicsrv.IDs = places{}
