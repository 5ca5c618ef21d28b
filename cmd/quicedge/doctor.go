package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/class"
	"quicedge/internal/config"
	"quicedge/internal/dataplane"
	"quicedge/internal/doctor"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

// diagnosis is the JSON answer of doctor.
type diagnosis struct {
	APIVersion string           `json:"apiVersion"`
	State      doctor.State     `json:"state"`
	Kernel     string           `json:"kernel"`
	PinDir     string           `json:"pin_dir"`
	Interfaces []string         `json:"interfaces"`
	Findings   []doctor.Finding `json:"findings"`
}

func (a *app) doctorCmd() *cobra.Command {
	var ifaces []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine this host for the data plane: each finding with its cure",
		Long: `Looks at kernel, features, capabilities, the pin folder, settings of the kernel, and at devices: their offloads, and their MTU
against the table. It changes nothing. Without --iface it takes the devices that are attached, else that of the default route.

Exit codes: 0 nothing worse than warnings, 3 a problem, 4 not permitted to ask for the kernel's features, 5 the kernel lacks one.`,
		Example: "  sudo quicedge doctor --iface eth0",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.Flags().StringSliceVar(&ifaces, "iface", nil, "network interfaces, such as eth0,eth1")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		out := diagnose(cfg, ifaces)
		if err := a.print(out, func(w io.Writer) { diagnosisTable(w, out) }); err != nil {
			return err
		}
		return out.err()
	}
	return cmd
}

func diagnose(cfg config.Config, ifaces []string) diagnosis {
	var deviceErr error
	if len(ifaces) == 0 {
		ifaces, deviceErr = devicesInUse(cfg.PinDir)
	}
	q := doctor.Question{PinDir: cfg.PinDir, Interfaces: ifaces}
	q.Profiles, q.TableErr = profiles(statedir.At(cfg.StateDir))
	facts := doctor.Gather(q)
	facts.DeviceErr = cmp.Or(facts.DeviceErr, deviceErr)
	return diagnosis{path.APIVersion, doctor.StateOf(facts), facts.Kernel, cfg.PinDir, append([]string{}, ifaces...), doctor.Examine(facts)}
}

// profiles are those of the table that was loaded last, or the one that the program carries, and the overrides.
func profiles(state statedir.Dir) (none [class.Max]path.Profile, err error) {
	layers, err := stateLayers(state)
	if err != nil {
		return none, err
	}
	snap, err := path.Compile(nil, layers, nil)
	if err != nil {
		return none, err
	}
	return snap.Profiles, nil
}

// devicesInUse returns the devices that are attached, else that of the default route.
func devicesInUse(pinDir string) (names []string, err error) {
	if plane, err := dataplane.Open(pinDir); err == nil {
		defer plane.Close()
		attached, err := plane.Interfaces()
		if err == nil && len(attached) > 0 {
			return deviceNames(attached), nil
		}
	}
	name, err := dataplane.DefaultInterface()
	if err != nil {
		return nil, err
	}
	return []string{name}, nil
}

func deviceNames(attached []dataplane.Attachment) (names []string) {
	seen := map[string]bool{}
	for _, at := range attached {
		if !seen[at.Interface] {
			seen[at.Interface] = true
			names = append(names, at.Interface)
		}
	}
	return names
}

// err is the exit code of a diagnosis, with a sentence.
func (d diagnosis) err() error {
	switch d.State {
	case doctor.Unsupported:
		return fmt.Errorf("the kernel lacks what the data plane needs: %w by Linux %s", dataplane.ErrUnsupported, d.Kernel)
	case doctor.NotPermitted:
		return fmt.Errorf("ask for the kernel's features: %w: sudo quicedge doctor", dataplane.ErrNotPermitted)
	case doctor.Degraded:
		return fmt.Errorf("%w: %d of %d findings are problems: run their cures", errDegraded, d.count(doctor.Problem), len(d.Findings))
	}
	return nil
}

func (d diagnosis) count(level doctor.Level) (n int) {
	for _, f := range d.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

func diagnosisTable(w io.Writer, d diagnosis) {
	cells(w, "LEVEL", "CHECK", "FOUND")
	for _, f := range d.Findings {
		cells(w, f.Level, f.Check, f.Found)
		if f.Cure != "" {
			cells(w, "", "", "cure: "+f.Cure)
		}
	}
	cells(w)
	fmt.Fprintf(w, "%s: %d ok, %d warnings, %d problems\n", d.State, d.count(doctor.OK), d.count(doctor.Warning), d.count(doctor.Problem))
}
