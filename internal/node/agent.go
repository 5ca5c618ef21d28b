package node

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"quicedge/internal/config"
	"quicedge/internal/dataplane"
)

// StartAgent brings up what a host needs whose QUIC server is another program: the data plane and the loop that keeps its profiles,
// measured by the kernel alone. There is no agent without a data plane. ctx bounds the start only.
func StartAgent(ctx context.Context, cfg config.Config, version string, log *slog.Logger) (*Node, error) {
	cfg.Cert, cfg.Key, cfg.Root, cfg.VideoPublic = "", "", "", false
	if cfg.Ports == "" {
		cfg.Ports = fmt.Sprint(dataplane.DefaultPort)
	}
	n := newNode(ctx, cfg, version, log)
	n.agent = true
	return n.start(ctx, n.openState, n.listenOperator, n.attach, n.requirePlane, n.serve)
}

// requirePlane makes an error of what a node would go on without.
func (n *Node) requirePlane(context.Context) error {
	if n.plane.plane != nil {
		return nil
	}
	if n.plane.err != nil {
		return fmt.Errorf("an agent is of no use without its data plane: %w", n.plane.err)
	}
	return fmt.Errorf("an agent is of no use without a device: give --iface eth0, not %s", config.IfaceNone)
}

// AgentFacts is what a person who started an agent wants to know.
type AgentFacts struct {
	Admin     string // host:port of operators
	DataPlane string
}

// AgentFacts describes the running agent.
func (n *Node) AgentFacts() AgentFacts {
	return AgentFacts{Admin: strings.TrimSpace(n.operatorAt.Addr().String()), DataPlane: n.plane.state}
}
