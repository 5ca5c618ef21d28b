package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quicedge/internal/config"
	"quicedge/internal/dataplane"
	"quicedge/internal/node"
	"quicedge/internal/path"
)

// loaded is the JSON answer of load and unload.
type loaded struct {
	APIVersion string   `json:"apiVersion"`
	Interface  string   `json:"interface"`  // the first of them
	Interfaces []string `json:"interfaces"` // those that the command named
	Ports      []uint16 `json:"ports,omitempty"`
	Prefixes   int      `json:"prefixes"`
	PinDir     string   `json:"pin_dir"`
	Loaded     bool     `json:"loaded"`
}

func (a *app) loadCmd() *cobra.Command {
	var interfaces []string
	cmd := &cobra.Command{
		Use:   "load --iface IF[,IF...]",
		Short: "Attach the data plane to interfaces and leave it there",
		Long: `Attaches the ingress and egress programs to interfaces, for any QUIC server on the host, and pins them: no process stays.
A second load replaces programs and tables in place, on all interfaces, and adds those that it names. A load that fails leaves
what was there. Needs CAP_BPF and CAP_NET_ADMIN, and Linux 6.1 or later.`,
		Example: `  quicedge load --iface eth0,eth1
  quicedge load --iface eth0 --prefixes prefixes.csv --ports 443,8443
  quicedge load --iface eth0 --prefixes prefixes.csv --mark 0x3ff0000 --priority 1:`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	a.flags.TableFlags(cmd.Flags())
	a.flags.PlaneFlags(cmd.Flags())
	ifaceFlag(cmd, &interfaces)
	a.flags.PortsFlag(cmd.Flags(), "UDP ports of the QUIC servers on this host, such as 443,8443 (default 443)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		if interfaces, err = devicesOfFlag(interfaces); err != nil {
			return err
		}
		dp, err := node.PlaneConfig(cfg, interfaces...)
		if err != nil {
			return err
		}
		if len(dp.Ports) == 0 {
			dp.Ports = []uint16{dataplane.DefaultPort}
		}
		out, err := load(cmd.Context(), cfg, dp)
		if err != nil {
			return err
		}
		return a.print(out, func(w io.Writer) {
			if out.Prefixes == 0 {
				fmt.Fprintln(a.stderr, "warning: no prefixes: every client is of class 0, as it has no province; --prefixes CSV gives them, at each load")
			}
			fmt.Fprintf(w, "loaded on %s: UDP ports %v, %d prefixes; pinned in %s\n", strings.Join(out.Interfaces, ", "), out.Ports, out.Prefixes, out.PinDir)
		})
	}
	return cmd
}

func ifaceFlag(cmd *cobra.Command, interfaces *[]string) {
	cmd.Flags().StringSliceVar(interfaces, "iface", nil, "network interfaces, such as eth0,eth1")
	if err := cmd.MarkFlagRequired("iface"); err != nil {
		panic(err) // the flag is defined one line above
	}
}

// devicesOfFlag returns the devices of --iface, each once.
func devicesOfFlag(values []string) (names []string, err error) {
	for _, name := range config.Interfaces(strings.Join(values, ",")) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, usageError{errors.New("--iface is empty: name the device that clients come in by, such as eth0")}
	}
	return names, nil
}

func load(ctx context.Context, cfg config.Config, dp dataplane.Config) (out loaded, err error) {
	files, err := node.Sources(cfg)
	if err != nil {
		return out, err
	}
	in, err := files.Read()
	if err != nil {
		return out, err
	}
	snap, err := in.Snapshot()
	if err != nil {
		return out, err
	}
	// mtu set and unset compile the table again, after this process has ended.
	undo, err := files.State.SaveTable(in.Layers.CSV)
	if err != nil {
		return out, err
	}
	plane, err := dataplane.Load(ctx, dp, snap)
	if err != nil {
		return out, errors.Join(err, undo())
	}
	defer plane.Close()
	return loaded{path.APIVersion, dp.Interfaces[0], dp.Interfaces, dp.Ports, len(in.Prefixes.Entries()), cfg.PinDir, true}, nil
}

func (a *app) unloadCmd() *cobra.Command {
	var interfaces []string
	cmd := &cobra.Command{
		Use:     "unload --iface IF[,IF...]",
		Short:   "Detach the data plane from interfaces; from the last one, remove it",
		Example: "  quicedge unload --iface eth0",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	ifaceFlag(cmd, &interfaces)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		if interfaces, err = devicesOfFlag(interfaces); err != nil {
			return err
		}
		if err := dataplane.Unload(cmd.Context(), dataplane.Config{PinDir: cfg.PinDir, Interfaces: interfaces}); err != nil {
			return err
		}
		out := loaded{APIVersion: path.APIVersion, Interface: interfaces[0], Interfaces: interfaces, PinDir: cfg.PinDir}
		return a.print(out, func(w io.Writer) { fmt.Fprintf(w, "unloaded from %s\n", strings.Join(interfaces, ", ")) })
	}
	return cmd
}
