package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/adminsocket"
	"quicedge/internal/class"
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/node"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

// mtuChange is the JSON answer of mtu set and unset.
type mtuChange struct {
	APIVersion string `json:"apiVersion"`
	ProvinceID string `json:"province_id"`
	ISP        string `json:"isp"`
	MTU        int    `json:"mtu,omitempty"` // bytes; missing after unset
	Applied    string `json:"applied"`       // node, kernel or saved
	Changed    int    `json:"changed"`       // entries of the kernel's tables that were written
}

const (
	appliedNode   = "node"   // by the running node
	appliedKernel = "kernel" // to the loaded data plane, no node runs
	appliedSaved  = "saved"  // nothing runs: it holds from the next start
)

var appliedText = map[string]string{
	appliedNode:   "in force in the running node",
	appliedKernel: "in force in the loaded data plane",
	appliedSaved:  "nothing is running; it holds from the next start",
}

func (a *app) mtuSetCmd() *cobra.Command {
	var of selection
	cmd := &cobra.Command{
		Use:   "set --province P [--isp I] MTU",
		Short: "Override the MTU of a class, at once and for good",
		Long: `Writes the override to the state folder, where it survives restarts, and puts it in force: through the running node, or in
the loaded data plane where no node runs. MTU is in bytes of the IP packet, 1248 to 9000.`,
		Example: "  quicedge mtu set --province 44 --isp CUCC 1412\n  quicedge mtu set --province 黑龙江 1372",
		Args:    cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	of.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		size, err := mtu.ParseMTU(args[0])
		if err != nil {
			return usageError{err}
		}
		return a.override(cmd, of, int(size), func(t *mtu.Table, sel mtu.Selector) (*mtu.Table, error) { return t.With(sel, size), nil })
	}
	return cmd
}

func (a *app) mtuUnsetCmd() *cobra.Command {
	var of selection
	cmd := &cobra.Command{
		Use:     "unset --province P [--isp I]",
		Short:   "Remove an override: the table holds again",
		Example: "  quicedge mtu unset --province 44 --isp CUCC",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	of.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.override(cmd, of, 0, func(t *mtu.Table, sel mtu.Selector) (*mtu.Table, error) {
			less, had := t.Without(sel)
			if !had {
				return nil, fmt.Errorf("no override for %s: quicedge mtu list shows those there are", sel)
			}
			return less, nil
		})
	}
	return cmd
}

func (a *app) override(cmd *cobra.Command, of selection, size int, change func(*mtu.Table, mtu.Selector) (*mtu.Table, error)) error {
	sel, err := of.selector()
	if err != nil {
		return err
	}
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	state := statedir.At(cfg.StateDir)
	if err := state.UpdateOverrides(func(t *mtu.Table) (*mtu.Table, error) { return change(t, sel) }); err != nil {
		return err
	}
	out := mtuChange{APIVersion: path.APIVersion, ProvinceID: sel.ProvinceName(), ISP: sel.ISPName(), MTU: size}
	if out.Applied, out.Changed, err = putInForce(cmd.Context(), cfg, state); err != nil {
		return fmt.Errorf("the change of overrides is saved, but may not be in force: %w", err)
	}
	return a.print(out, func(w io.Writer) {
		did := "saved"
		if size == 0 {
			did = "removed"
		}
		fmt.Fprintf(w, "%s override for %s; %s\n", did, sel, appliedText[out.Applied])
	})
}

// putInForce makes whoever uses the overrides read them again.
func putInForce(ctx context.Context, cfg config.Config, state statedir.Dir) (applied string, changed int, err error) {
	changed, err = adminsocket.Dial(state.Socket()).Reload(ctx)
	if !errors.Is(err, adminsocket.ErrNoNode) {
		return appliedNode, changed, err
	}
	plane, err := dataplane.Open(cfg.PinDir)
	if errors.Is(err, dataplane.ErrNotLoaded) {
		return appliedSaved, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	defer plane.Close()
	l, err := stateLayers(state)
	if err != nil {
		return "", 0, err
	}
	if l.Learned, err = leftLearned(cfg, plane, l); err != nil {
		return "", 0, err
	}
	nat, err := cfg.NATTimeouts()
	if err != nil {
		return "", 0, err
	}
	snap, err := path.Compile(nil, l, nat)
	if err != nil {
		return "", 0, err
	}
	changed, err = plane.Prune(snap)
	return appliedKernel, changed, err
}

// leftLearned returns what was learned of the classes that a node, which was killed, has left lowered in the kernel. A load alone knows
// tables and overrides, since nobody would raise a class again.
func leftLearned(cfg config.Config, plane *dataplane.Plane, layers mtu.Layers) (map[class.ID]mtu.Learned, error) {
	left := map[class.ID]mtu.Learned{}
	for _, id := range class.All() {
		match, err := plane.Of(id)
		if err != nil {
			return nil, err
		}
		if match.Profile.Source == mtu.SourceLearned {
			left[id] = mtu.Learned{}
		}
	}
	if len(left) == 0 {
		return left, nil
	}
	all, err := control.Remembered(statedir.At(cfg.StateDir), layers, node.LoopSettings(cfg, nil).Learn)
	for id := range left {
		left[id] = all[id]
	}
	return left, err
}
