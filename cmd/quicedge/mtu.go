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
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) mtuCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mtu",
		Short: "Show and override the path MTU of classes",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q", args[0])
			}
			return errors.New("name what to do: list, get, explain, learned, promote, set, unset, import or export")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.mtuListCmd(), a.mtuGetCmd(), a.mtuExplainCmd(), a.mtuLearnedCmd(), a.mtuPromoteCmd(),
		a.mtuSetCmd(), a.mtuUnsetCmd(), a.mtuImportCmd(), a.mtuExportCmd())
	return cmd
}

// mtuRow is public: fields are added, never renamed.
type mtuRow struct {
	ProvinceID string `json:"province_id"` // two digits, "any" or "default"
	Province   string `json:"province"`
	ISP        string `json:"isp"`
	MTU        int    `json:"mtu"`
	Budget     int    `json:"budget"`
	Condition  string `json:"condition"`
	Source     string `json:"source"` // default, csv or override
}

func rowOf(r mtu.Row, source mtu.Source) mtuRow {
	out := mtuRow{r.ProvinceName(), "", r.ISPName(), int(r.MTU), int(mtu.Budget(r.MTU)), r.Condition.String(), source.String()}
	if r.HasProvince {
		out.Province = r.Province.Name()
	}
	if r.Default {
		out.ProvinceID, out.Source = "default", mtu.SourceDefault.String()
	}
	return out
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
	cmd := &cobra.Command{Use: "list", Short: "List the overrides and the table below them", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := a.layers(cmd)
		if err != nil {
			return err
		}
		out := struct {
			APIVersion string   `json:"apiVersion"`
			Rows       []mtuRow `json:"rows"`
		}{APIVersion: path.APIVersion}
		for _, r := range l.Overrides.Rows() {
			out.Rows = append(out.Rows, rowOf(r, mtu.SourceOverride))
		}
		for _, r := range l.CSV.Rows() {
			out.Rows = append(out.Rows, rowOf(r, mtu.SourceCSV))
		}
		return a.print(out, func(w io.Writer) { mtuTable(w, out.Rows) })
	}
	return cmd
}

func mtuTable(w io.Writer, rows []mtuRow) {
	cells(w, "PROVINCE", "ISP", "MTU", "BUDGET", "SOURCE", "CONDITION")
	for _, r := range rows {
		cells(w, r.ProvinceID+" "+r.Province, r.ISP, r.MTU, r.Budget, r.Source, r.Condition)
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
		out := struct {
			APIVersion string `json:"apiVersion"`
			mtuRow
		}{path.APIVersion, mtuRow{sel.Province.String(), sel.Province.Name(), sel.ISP.String(), got.MTU, got.Budget, "always", got.Source}}
		return a.print(out, func(w io.Writer) { mtuTable(w, []mtuRow{out.mtuRow}) })
	}
	return cmd
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
	l, err := stateLayers(state)
	if err != nil {
		return answer, err
	}
	got, err := l.Effective(id, mtu.Measured{})
	return path.Match{Class: id, Profile: path.NewProfile(got)}.Answer(), err
}
