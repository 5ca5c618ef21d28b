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
	"quicedge/internal/dataplane"
	"quicedge/internal/node"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

func (a *app) lookupCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lookup ADDR",
		Short: "Tell the class of a client's address and the MTU that holds for it",
		Long: `Asks the kernel's tables; where none are loaded, the running node; with --table or --prefixes, those files instead.

JSON fields: apiVersion address prefix province_id province province_zh isp class mtu budget initial search source proven probing ack
keep_alive_sec idle_timeout_sec rtt_ms loss_rate. mtu, budget, initial and proven are bytes; source is the layer that set the MTU:
default, csv, learned, policy or override. The state of ack is "computed": QUIC servers cannot be told of it.`,
		Example: "  quicedge lookup 198.51.100.7 -o json",
		Args:    cobra.ExactArgs(1),
	}
	a.outputFlag(cmd)
	a.flags.TableFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		addr, err := addressOf(args[0])
		if err != nil {
			return err
		}
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		fromFiles := cmd.Flags().Changed("table") || cmd.Flags().Changed("prefixes")
		answer, err := lookup(cmd.Context(), cfg, addr, fromFiles)
		if err != nil {
			return err
		}
		return a.print(answer, func(w io.Writer) { lookupTable(w, answer) })
	}
	return cmd
}

// addressOf reads the address that a command was given.
func addressOf(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, usageError{fmt.Errorf("address %q: write an IPv4 or IPv6 address, such as 198.51.100.7", text)}
	}
	return addr, nil
}

func lookup(ctx context.Context, cfg config.Config, addr netip.Addr, fromFiles bool) (path.Answer, error) {
	if fromFiles {
		return lookupFiles(cfg, addr)
	}
	plane, err := dataplane.Open(cfg.PinDir)
	if err == nil {
		defer plane.Close()
		match, err := plane.Lookup(addr)
		return match.Answer(), err
	}
	answer, nodeErr := adminsocket.Dial(statedir.At(cfg.StateDir).Socket()).Lookup(ctx, addr)
	if nodeErr == nil {
		return answer, nil
	}
	if errors.Is(err, dataplane.ErrNotLoaded) && errors.Is(nodeErr, adminsocket.ErrNoNode) {
		return answer, errors.New("no table is loaded and no node is running: start one (quicedge run), load the data plane " +
			"(quicedge load --iface IF --prefixes CSV), or look into files (quicedge lookup ADDR --prefixes CSV)")
	}
	return answer, err
}

func lookupFiles(cfg config.Config, addr netip.Addr) (path.Answer, error) {
	files, err := node.Sources(cfg)
	if err != nil {
		return path.Answer{}, err
	}
	in, err := files.Read()
	if err != nil {
		return path.Answer{}, err
	}
	snap, err := in.Snapshot()
	if err != nil {
		return path.Answer{}, err
	}
	return snap.Lookup(addr).Answer(), nil
}

func lookupTable(w io.Writer, a path.Answer) {
	cells(w, "ADDRESS", "PREFIX", "PROVINCE", "ISP", "CLASS", "MTU", "BUDGET", "INITIAL", "SOURCE")
	prefix := a.Prefix
	if prefix == "" {
		prefix = "-"
	}
	cells(w, a.Address, prefix, fmt.Sprintf("%02d %s %s", a.ProvinceID, a.Province, a.ProvinceZH), a.ISP, a.Class, a.MTU, a.Budget, a.Initial, a.Source)
}
