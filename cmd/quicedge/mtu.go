package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/adminsocket"
	"quicedge/internal/class"
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) mtuCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mtu",
		Short: "Show and override the path MTU of classes",
		Args:  needsVerb("list, get, explain, learned, promote, set, unset, import or export"),
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.mtuListCmd(), a.mtuGetCmd(), a.mtuExplainCmd(), a.mtuLearnedCmd(), a.mtuPromoteCmd(),
		a.mtuSetCmd(), a.mtuUnsetCmd(), a.mtuImportCmd(), a.mtuExportCmd())
	return cmd
}

// layers reads the table that was loaded last, or the one that the program carries, and the overrides.
func (a *app) layers(cmd *cobra.Command) (mtu.Layers, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return mtu.Layers{}, err
	}
	return stateLayers(statedir.At(cfg.StateDir))
}

func stateLayers(state statedir.Dir) (l mtu.Layers, err error) {
	if l.CSV, err = state.Table(); err == nil && l.CSV == nil {
		l.CSV, err = control.ReadTable("")
	}
	if err != nil {
		return l, err
	}
	l.Overrides, err = state.Overrides()
	return l, err
}

func (a *app) mtuListCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the overrides and the table below them, and how many classes each row decides now",
		Long: `Asks the running node or agent, which knows what is measured and learned; where none runs, reads the files: there no condition on
loss_rate and rtt_ms holds.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out, err := listRows(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) { rowsTable(w, out.Rows) })
	}
	return cmd
}

// mtuList is the JSON answer of mtu list.
type mtuList struct {
	APIVersion string           `json:"apiVersion"`
	Live       bool             `json:"live"` // of a running node or agent; else of the files
	Rows       []path.RowAnswer `json:"rows"`
}

func listRows(ctx context.Context, cfg config.Config) (mtuList, error) {
	state := statedir.At(cfg.StateDir)
	out := mtuList{APIVersion: path.APIVersion, Live: true}
	var err error
	out.Rows, err = adminsocket.Dial(state.Socket()).Rows(ctx)
	if !errors.Is(err, adminsocket.ErrNoNode) {
		return out, err
	}
	layers, err := stateLayers(state)
	if err != nil {
		return out, err
	}
	out.Live, out.Rows = false, control.Rows(layers)
	return out, nil
}

func rowsTable(w io.Writer, rows []path.RowAnswer) {
	cells(w, "PROVINCE", "ISP", "MTU", "BUDGET", "SOURCE", "LINE", "CLASSES", "CONDITION")
	for _, r := range rows {
		cells(w, r.ProvinceID+" "+r.Province, r.ISP, r.MTU, r.Budget, r.Source, orDash(r.Line), r.Classes, r.Condition)
	}
}

// selection holds --province and --isp.
type selection struct{ province, isp string }

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.province, "province", "", "GB/T 2260 code, name or Chinese name; \"any\"")
	cmd.Flags().StringVar(&s.isp, "isp", "any", "CMCC, CUCC, CTCC, CBN, CERNET, OTHER or \"any\"")
	if err := cmd.MarkFlagRequired("province"); err != nil {
		panic(err) // the flag is defined two lines above
	}
}

func (s selection) selector() (mtu.Selector, error) {
	sel, err := mtu.ParseSelector(s.province, s.isp)
	if err != nil {
		return sel, usageError{err}
	}
	return sel, nil
}

func (a *app) mtuGetCmd() *cobra.Command {
	var of selection
	cmd := &cobra.Command{
		Use:     "get --province P --isp I",
		Short:   "Show the MTU that is in force for a class",
		Example: "  quicedge mtu get --province 44 --isp CUCC",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	of.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		sel, err := of.selector()
		if err != nil {
			return err
		}
		if !sel.HasProvince {
			return usageError{errors.New("name one province; mtu list shows every row")}
		}
		if !sel.HasISP {
			sel.ISP = class.Other
		}
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		got, err := inForce(cmd.Context(), cfg, class.Of(sel.Province, sel.ISP))
		if err != nil {
			return err
		}
		out := mtuGot{path.APIVersion, sel.Province.String(), sel.Province.Name(), sel.ISP.String(), got.MTU, got.Budget, "always", got.Source}
		return a.print(out, func(w io.Writer) {
			cells(w, "PROVINCE", "ISP", "MTU", "BUDGET", "SOURCE")
			cells(w, out.ProvinceID+" "+out.Province, out.ISP, out.MTU, out.Budget, out.Source)
		})
	}
	return cmd
}

// mtuGot is the JSON answer of mtu get. It is public: fields are added, never renamed.
type mtuGot struct {
	APIVersion string `json:"apiVersion"`
	ProvinceID string `json:"province_id"` // two digits
	Province   string `json:"province"`
	ISP        string `json:"isp"`
	MTU        int    `json:"mtu"`
	Budget     int    `json:"budget"`
	Condition  string `json:"condition"` // always "always"
	Source     string `json:"source"`    // default, csv, learned, policy or override
}

// inForce asks the running node for what holds for a class, which may be learned or hang on measurements; where none runs the kernel, and where
// nothing is loaded the files.
func inForce(ctx context.Context, cfg config.Config, id class.ID) (path.Answer, error) {
	state := statedir.At(cfg.StateDir)
	answer, err := adminsocket.Dial(state.Socket()).Of(ctx, id)
	if !errors.Is(err, adminsocket.ErrNoNode) {
		return answer, err
	}
	plane, err := dataplane.Open(cfg.PinDir)
	if err == nil {
		defer plane.Close()
		match, err := plane.Of(id)
		return match.Answer(), err
	}
	if !errors.Is(err, dataplane.ErrNotLoaded) {
		return answer, err // what is loaded may be something else than what the files say
	}
	l, err := stateLayers(state)
	if err != nil {
		return answer, err
	}
	got, err := l.Effective(id, mtu.Measured{})
	return path.Match{Class: id, Profile: path.NewProfile(got)}.Answer(), err
}
