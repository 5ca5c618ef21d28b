// Package node wires the parts of a node together, and is the only package that knows them all.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"quicedge/internal/acme"
	"quicedge/internal/adminsocket"
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/edge"
	"quicedge/internal/handover"
	"quicedge/internal/quicsrv"
	"quicedge/internal/statedir"
)

// Node is a running node.
type Node struct {
	cfg     config.Config
	agent   bool // there is no server
	version string
	log     *slog.Logger
	started time.Time
	lock    statedir.NodeLock // of the state folder
	estate  *handover.Estate  // of the process whose place this one takes; nil otherwise
	floor   []byte            // of the heap

	activated activated // what is left of it
	lent      bool      // the clients' UDP sockets are a service manager's, which keeps them

	loop   *control.Loop
	plane  kernelSide
	steers steering
	video  *video
	cert   *quicsrv.Certificate
	acme   *acme.Certificates // nil without domains
	edge   *edge.Edge
	resume resumption

	sockets *quicsrv.Sockets // of clients; nil for an agent
	public  *quicsrv.Server

	operatorAt net.Listener
	operator   *http.Server
	adminAt    net.Listener
	admin      *http.Server

	life     context.Context
	endLife  context.CancelFunc
	failed   chan error
	draining atomic.Bool

	upgrading   sync.Mutex      // one at a time
	upgrades    context.Context // ends when this process is about to
	endUpgrades context.CancelFunc
	succeeded   chan struct{} // closed when another process has taken over
	handed      atomic.Bool   // the same
	heir        atomic.Int64  // its process ID, from then on
	reloads     atomic.Int64  // that have begun

	tending context.Context // keeps what the process that takes over keeps from then on
	endTend context.CancelFunc
	looping sync.WaitGroup
	endLoop context.CancelFunc // nil where it does not run
}

// Start brings a node up; ctx bounds the start only. After an error nothing of it is left. The data plane and the video
// workers may be missing: the node serves without them and says what to do.
func Start(ctx context.Context, cfg config.Config, version string, log *slog.Logger) (*Node, error) {
	n := newNode(ctx, cfg, version, log)
	return n.start(ctx, n.takePlace, n.openState, n.bind, n.listenOperator, n.startVideo, n.attach, n.steer, n.listen, n.serve)
}

func newNode(ctx context.Context, cfg config.Config, version string, log *slog.Logger) *Node {
	n := &Node{cfg: cfg, version: version, log: log, started: time.Now(), floor: floor(), failed: make(chan error, 3), succeeded: make(chan struct{})}
	n.life, n.endLife = context.WithCancel(context.WithoutCancel(ctx))
	n.upgrades, n.endUpgrades = context.WithCancel(n.life)
	n.tending, n.endTend = context.WithCancel(n.life)
	return n
}

// start takes the steps, and everything down again where one fails.
func (n *Node) start(ctx context.Context, steps ...func(context.Context) error) (_ *Node, err error) {
	defer func() {
		if err != nil {
			if n.estate != nil {
				n.estate.Fail(err)
			}
			stopped, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			err = errors.Join(err, n.Stop(stopped))
		}
	}()
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// openState takes the state folder and makes the first Snapshot.
func (n *Node) openState(context.Context) error {
	state := statedir.At(n.cfg.StateDir)
	if err := state.Create(); err != nil {
		return err
	}
	var err error
	if err = n.lockState(state); err != nil {
		return err
	}
	// Before the overrides are read: one that is set from now on waits here for the reload that takes it in.
	if n.adminAt, err = n.listenAdmin(state.Socket()); err != nil {
		return err
	}
	files, err := Sources(n.cfg)
	if err != nil {
		return err
	}
	n.loop, err = control.New(files, n.loopSettings())
	return err
}

// bind takes the clients' port, so that a taken one is known before anything is attached to the kernel.
func (n *Node) bind(context.Context) (err error) {
	if n.cert, err = certificate(n.cfg); err != nil {
		return err
	}
	for _, warning := range n.cert.Warnings(time.Now()) {
		n.log.Warn(warning)
	}
	if n.sockets, err = n.bindClients(); err != nil {
		return err
	}
	n.openACME()
	return nil
}

// listen starts the workers. The kernel sends them new connections from takeOver on.
func (n *Node) listen(context.Context) (err error) {
	if err := n.openResumption(); err != nil {
		return err
	}
	n.public, err = quicsrv.Listen(quicsrv.Config{
		Sockets:    n.sockets,
		IDs:        n.steers.ids,
		Steered:    n.steers.generation != nil,
		Waiting:    n.inherited(),
		Ways:       n.steers.ways,
		TLS:        n.tlsConfig(),
		Resumption: n.resume.shared,
		Handler:    http.HandlerFunc(n.servePublic),
		Profile:    n.loop.Profile,
		Observer:   n,
		Log:        n.log,
		Limits:     limits(n.cfg),

		MaxHeaderBytes: n.cfg.LimitHeaderKiB << 10,
		MaxStreams:     int64(n.cfg.LimitStreams),
	})
	return err
}

func (n *Node) listenOperator(context.Context) (err error) {
	if n.estate != nil {
		n.operatorAt, err = n.estate.Listener(giftOperator)
		return err
	}
	if n.activated.admin != nil {
		n.operatorAt, n.activated.admin = n.activated.admin, nil
		return nil
	}
	if n.operatorAt, err = net.Listen("tcp", n.cfg.Admin); err != nil {
		return fmt.Errorf("listen for operators: %w; name another address with --admin, or find who has it with ss -ltnp", err)
	}
	return nil
}

// servePublic lets the server be bound before the routes, which need the other parts, are there: none is served earlier.
func (n *Node) servePublic(w http.ResponseWriter, r *http.Request) { n.edge.Public().ServeHTTP(w, r) }

// serve opens the routes and gives up all privilege.
func (n *Node) serve(context.Context) (err error) {
	if n.edge, err = edge.New(n.edgeConfig()); err != nil {
		return err
	}
	if err := n.dropPrivilege(); err != nil {
		return err
	}
	n.operator = operatorServer(n.edge.Operator())
	n.admin = adminsocket.Server(n)
	if err := n.keepACME(); err != nil {
		return err
	}
	if err := n.takeOver(); err != nil {
		return err
	}
	if n.public != nil {
		go func() { n.failed <- n.public.Serve(n.life) }()
	}
	go func() { n.failed <- n.operator.Serve(n.operatorAt) }()
	go func() { n.failed <- n.admin.Serve(n.adminAt) }()
	n.watch()
	n.startLoop()
	return n.tellTaken()
}

// Wait returns when a server ends by itself, which only a fault makes it do.
func (n *Node) Wait() error {
	select {
	case err := <-n.failed:
		return fmt.Errorf("a server ended by itself: %w", err)
	case <-n.life.Done():
		return nil
	}
}
