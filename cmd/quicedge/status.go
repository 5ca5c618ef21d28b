package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/adminsocket"
	"quicedge/internal/config"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) statusCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell whether the data plane is loaded and whole",
		Long: `Tells where the data plane is attached, its programs, tables, ports and settings, whether a node runs and holds it, and how much of the
traffic no prefix covers. It changes nothing.

Exit codes: 0 loaded and whole, 3 degraded (each problem is printed with its cure), 1 not loaded.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out, err := look(cmd.Context(), cfg)
		if err != nil && out.State == "" {
			return err
		}
		return errors.Join(a.print(out, func(w io.Writer) { statusTable(w, out) }), err)
	}
	return cmd
}

// look describes what is loaded. With an answer that has a state, the error is what the exit code is made of.
func look(ctx context.Context, cfg config.Config) (out statusAnswer, err error) {
	plane, err := dataplane.Open(cfg.PinDir)
	if errors.Is(err, dataplane.ErrNotPermitted) {
		return out, err
	}
	out = newStatusAnswer(cfg.PinDir)
	out.Node = askNode(ctx, cfg)
	if errors.Is(err, dataplane.ErrNotLoaded) {
		out.State = stateNotLoaded
		return out, err
	}
	if err == nil {
		defer plane.Close()
		err = out.describe(plane)
	}
	if err != nil {
		out.Problems = append(out.Problems, trouble{err.Error(), cureOf(cfg.PinDir)})
	}
	out.State = stateHealthy
	if n := len(out.Problems); n > 0 {
		out.State = stateDegraded
		return out, fmt.Errorf("%w: %s: %s", errDegraded, out.Problems[0].What, out.Problems[0].Cure)
	}
	return out, nil
}

// askNode asks the admin socket.
func askNode(ctx context.Context, cfg config.Config) (n nodeStatus) {
	node := adminsocket.Dial(statedir.At(cfg.StateDir).Socket())
	loop, err := node.Loop(ctx)
	switch {
	case err == nil:
		n.Running, n.Loop = true, &loop
		if v, err := node.Video(ctx); err == nil { // a node of an older release has none to tell
			n.Video = &v
		}
	case !errors.Is(err, adminsocket.ErrNoNode):
		n.Error = err.Error()
	}
	return n
}

// describe fills in what is loaded.
func (s *statusAnswer) describe(plane *dataplane.Plane) error {
	in, err := plane.Inspect()
	if err != nil {
		return err
	}
	s.inspected(in)
	s.seen = true
	s.Problems = append(s.Problems, judge(in)...)
	settings, err := plane.Settings()
	if err == nil {
		s.Settings = settingsOf(settings)
	} else if !errors.Is(err, dataplane.ErrNotPermitted) {
		return err
	}
	stats, err := plane.Stats()
	if err != nil {
		return err
	}
	s.Traffic = trafficOf(stats)
	return nil
}

func newStatusAnswer(pinDir string) statusAnswer {
	return statusAnswer{
		APIVersion: path.APIVersion, Problems: []trouble{}, PinDir: pinDir, Kernel: dataplane.Kernel(),
		Devices: []deviceStatus{}, Programs: []programStatus{}, Ports: []uint16{},
	}
}
