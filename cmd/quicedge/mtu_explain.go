package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"quicedge/internal/adminsocket"
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/node"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) mtuExplainCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ADDR",
		Short: "Tell why an address gets the MTU it gets: every candidate, and why it won or lost",
		Long: `Asks the running node or agent, which knows what is measured and learned. Where none runs, the class is that of the loaded data plane,
and nothing is measured: conditions on loss_rate and rtt_ms do not hold.

JSON fields: those of lookup; live (whether a running loop was asked); candidates, strongest layer first, each with source, line (of the
layer's file), province_id, isp, mtu (bytes; 0 where nothing is learned), condition, applies, wins, reason.`,
		Example: "  quicedge mtu explain 198.51.100.7",
		Args:    cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		addr, err := addressOf(args[0])
		if err != nil {
			return err
		}
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out, err := explain(cmd.Context(), cfg, addr)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) { explainTable(w, out) })
	}
	return cmd
}

func explain(ctx context.Context, cfg config.Config, addr netip.Addr) (path.Explained, error) {
	state := statedir.At(cfg.StateDir)
	out, err := adminsocket.Dial(state.Socket()).Explain(ctx, addr)
	if !errors.Is(err, adminsocket.ErrNoNode) {
		return out, err
	}
	plane, err := dataplane.Open(cfg.PinDir)
	if errors.Is(err, dataplane.ErrNotLoaded) {
		return out, errors.New("no node is running and no table is loaded: start one (quicedge run), or load the data plane (quicedge load --iface IF --prefixes CSV)")
	}
	if err != nil {
		return out, err
	}
	defer plane.Close()
	match, err := plane.Lookup(addr)
	if err != nil {
		return out, err
	}
	layers, err := stateLayers(state)
	if err != nil {
		return out, err
	}
	if layers.Learned, err = control.Remembered(state, layers, node.LoopSettings(cfg, nil).Learn); err != nil {
		return out, err
	}
	if s := match.Profile.Source; layers.Learned[match.Class].MTU > 0 && (s == mtu.SourceCSV || s == mtu.SourceDefault) {
		delete(layers.Learned, match.Class) // a load knows nothing of it
	}
	return control.Explain(match, layers), nil
}

func explainTable(w io.Writer, e path.Explained) {
	lookupTable(w, e.Answer)
	measured := "nothing is measured: no loop is running"
	if e.Live {
		measured = "loss " + percentOr(e.LossRate) + ", round trip " + millisecondsOr(e.RTTms)
	}
	fmt.Fprintf(w, "\n%s\n\n", measured)
	cells(w, "", "LAYER", "LINE", "PROVINCE", "ISP", "MTU", "CONDITION", "WHY")
	for _, c := range e.Candidates {
		mark := ""
		if c.Wins {
			mark = "*"
		}
		cells(w, mark, c.Source, c.Line, c.ProvinceID, c.ISP, c.MTU, c.Condition, c.Reason)
	}
}

func percentOr(ratio *float64) string {
	if ratio == nil {
		return "not measured"
	}
	return fmt.Sprintf("%.2f %%", 100**ratio)
}

func millisecondsOr(ms *float64) string {
	if ms == nil {
		return "not measured"
	}
	return fmt.Sprintf("%.1f ms", *ms)
}
