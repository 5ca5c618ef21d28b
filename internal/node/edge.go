package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"quicedge/internal/edge"
	"quicedge/internal/quicsrv"
)

func (n *Node) edgeConfig() edge.Config {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newKernelMetrics(n.plane.reading, n.log), newLoopMetrics(n.loop))
	if n.public != nil {
		registry.MustRegister(newHandshakeMetrics(n.public.Handshakes, n.resume.shared.Counts), newRefusalMetrics(n.public.Refused))
	}
	cfg := edge.Config{
		Registry:      registry,
		Node:          n.cfg.Region,
		Version:       n.version,
		Root:          n.cfg.Root,
		PublicStreams: n.cfg.VideoPublic,
		Classify:      n.loop.Lookup,
		MaxBody:       n.cfg.VideoMaxUploadMiB << 20,
		Started:       n.started,
		Draining:      n.draining.Load,
		Log:           n.log,
		AccessLog:     n.cfg.AccessLog,
		Update:        updates{n},
		Connection:    connectionOf,
		Client:        quicsrv.Client,
		Whole:         new(quicsrv.Whole),
		Checks: []edge.Check{
			{Name: "serving", Check: n.serving},
			{Name: "bpf", Check: n.plane.ready, Optional: !n.agent}, // which has nothing else
		},
	}
	if n.video != nil {
		cfg.Processor = n.video
		if n.video.pool != nil {
			registry.MustRegister(n.video.pool)
		}
		cfg.Checks = append(cfg.Checks, edge.Check{Name: "video", Check: n.video.ready, Optional: true})
	}
	return cfg
}

func connectionOf(request context.Context) edge.Connection {
	return edge.Connection{RTT: quicsrv.RTT(request)}
}

var errDraining = errors.New("draining: it takes no new clients")

// serving fails while the node drains, so that a balancer sends clients elsewhere.
func (n *Node) serving() error {
	if n.draining.Load() {
		return errDraining
	}
	return nil
}

// Facts is what a person who started the node wants to know.
type Facts struct {
	Port        uint16 // of clients, UDP and TCP
	Workers     string // how many, and how datagrams find theirs
	Admin       string // host:port of operators
	DataPlane   string
	Video       string
	Certificate string
}

// Facts describes the running node.
func (n *Node) Facts() Facts {
	f := Facts{Port: n.public.Addr().Port(), Workers: fmt.Sprintf("%d, steered %s", len(n.sockets.UDP()), n.steers.state), Admin: n.operatorAt.Addr().String(), DataPlane: n.plane.state, Video: "workers ready", Certificate: n.certificateFact()}
	if err := n.video.ready(); err != nil {
		f.Video = "none: " + err.Error()
	}
	return f
}
