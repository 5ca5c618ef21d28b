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
	"quicedge/internal/mtu"
	"quicedge/internal/node"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

// learnedAnswer is the JSON answer of mtu learned. It is public: fields are added, never renamed.
type learnedAnswer struct {
	APIVersion string               `json:"apiVersion"`
	Live       bool                 `json:"live"` // of a running node or agent; else as it was written down last
	Classes    []path.LearnedAnswer `json:"classes"`
}

func (a *app) mtuLearnedCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learned",
		Short: "Show what live connections have shown of the paths to each class",
		Long: `Asks the running node or agent; where none runs, what the last one wrote down.

JSON fields: apiVersion live classes; of each class province_id province province_zh isp mtu (bytes that its paths pass, below the table's;
0: the table's holds) proven (bytes of IP packet that connections may start with; 0: they start at 1200 bytes of payload and search)
probing (a lowered MTU is being tried again) networks samples since raise_at.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out, err := whatIsLearned(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) { learnedTable(w, out) })
	}
	return cmd
}

func whatIsLearned(ctx context.Context, cfg config.Config) (out learnedAnswer, err error) {
	out = learnedAnswer{APIVersion: path.APIVersion, Live: true}
	state := statedir.At(cfg.StateDir)
	out.Classes, err = adminsocket.Dial(state.Socket()).Learned(ctx)
	if !errors.Is(err, adminsocket.ErrNoNode) {
		return out, err
	}
	out.Live, out.Classes = false, []path.LearnedAnswer{}
	layers, err := stateLayers(state)
	if err != nil {
		return out, err
	}
	all, err := control.Remembered(state, layers, node.LoopSettings(cfg, nil).Learn)
	if err != nil {
		return out, err
	}
	for _, id := range class.All() {
		if l, known := all[id]; known {
			out.Classes = append(out.Classes, path.LearnedAnswerOf(id, l))
		}
	}
	return out, nil
}

func learnedTable(w io.Writer, out learnedAnswer) {
	cells(w, "PROVINCE", "ISP", "MTU", "PROVEN", "STATE", "NETWORKS", "SAMPLES", "SINCE")
	for _, c := range out.Classes {
		state := "unproven"
		switch {
		case c.Probing:
			state = "probing"
		case c.MTU > 0:
			state = "lowered"
		case c.Proven > 0:
			state = "proven"
		}
		cells(w, fmt.Sprintf("%02d %s %s", c.ProvinceID, c.Province, c.ProvinceZH), c.ISP, orDash(c.MTU), orDash(c.Proven), state, c.Networks, c.Samples,
			c.Since.Format("2006-01-02 15:04:05"))
	}
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func (a *app) mtuPromoteCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "promote [--out TABLE.csv]",
		Short: "Write the table with rows for the MTUs that were learned",
		Long: `Writes the table that was loaded last as CSV, with rows for each class whose learned MTU is below the table's: read it, keep what you
believe, and give it to run or load with --table. Nothing is changed by it.`,
		Example: "  quicedge mtu promote --out province_mtu.csv",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write, in place of standard output")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		table, promoted, err := promote(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		if err := a.writeTable(table, out); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "classes with something learned: %d\n", promoted)
		return nil
	}
	return cmd
}

func promote(ctx context.Context, cfg config.Config) (*mtu.Table, int, error) {
	learned, err := whatIsLearned(ctx, cfg)
	if err != nil {
		return nil, 0, err
	}
	layers, err := stateLayers(statedir.At(cfg.StateDir))
	if err != nil {
		return nil, 0, err
	}
	table, promoted := layers.CSV, 0
	for _, c := range learned.Classes {
		if c.MTU == 0 {
			continue
		}
		sel, err := mtu.ParseSelector(fmt.Sprintf("%02d", c.ProvinceID), c.ISP)
		if err != nil {
			return nil, 0, fmt.Errorf("promote what was learned of %02d/%s: %w", c.ProvinceID, c.ISP, err)
		}
		table, promoted = table.Promote(sel, uint16(c.MTU)), promoted+1
	}
	return table, promoted, nil
}
