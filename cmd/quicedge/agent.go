package main

import (
	"fmt"
	"io"
	"os/signal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quicedge/internal/node"
)

func (a *app) agentCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent --iface IF[,IF...]",
		Short: "Keep the data plane and its path profiles for a host whose QUIC server is another program",
		Long: `Loads the data plane and runs the loop that measures, learns and corrects, for nginx, Caddy, HAProxy or any other QUIC server: by handshake
round-trip times that the programs see pass, and by what ICMP tells the kernel of paths. It serves metrics and health on --admin, and no
clients. What quicedge load has left it takes over, with its own settings. SIGHUP reads tables and overrides again; SIGTERM takes the data
plane down.`,
		Example: "  quicedge agent --iface eth0 --ports 443 --prefixes prefixes.csv",
		Args:    cobra.NoArgs,
	}
	for _, bind := range []func(*pflag.FlagSet){a.flags.HostFlags, a.flags.LoopFlags, a.flags.TableFlags, a.flags.PlaneFlags} {
		bind(cmd.Flags())
	}
	a.flags.PortsFlag(cmd.Flags(), "UDP ports of the QUIC servers on this host, such as 443,8443 (default 443)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		signals := listenToSignals()
		defer signal.Stop(signals)
		log := newLog(a.env, cfg)
		n, err := node.StartAgent(cmd.Context(), cfg, version, log)
		if err != nil {
			return err
		}
		greetAgent(a.stdout, n.AgentFacts())
		return attend(cmd.Context(), n, cfg, signals, supervisor{log})
	}
	return cmd
}

func greetAgent(w io.Writer, f node.AgentFacts) {
	fmt.Fprintf(w, "quicedge agent is running\n")
	fmt.Fprintf(w, "  operators    http://%s/healthz\n", f.Admin)
	fmt.Fprintf(w, "  data plane   %s\n", f.DataPlane)
}
