package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quicedge/internal/node"
	"quicedge/internal/path"
)

func (a *app) checkCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check settings, tables and certificate without starting anything",
		Long:  "Takes the flags of run. Exit code 0: run would start with them, as far as files can tell.",
		Args:  cobra.NoArgs,
	}
	a.outputFlag(cmd)
	a.nodeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		found, err := node.Check(cfg)
		if err != nil {
			return err
		}
		out := struct {
			APIVersion string   `json:"apiVersion"`
			OK         bool     `json:"ok"`
			Rows       int      `json:"mtu_rows"`
			Overrides  int      `json:"overrides"`
			Prefixes   int      `json:"prefixes"`
			Warnings   []string `json:"warnings"`
		}{path.APIVersion, true, found.Rows, found.Overrides, found.Prefixes, found.Warnings}
		return a.print(out, func(w io.Writer) {
			for _, warning := range found.Warnings {
				fmt.Fprintln(w, "warning: "+warning)
			}
			fmt.Fprintf(w, "ok: %d MTU rows, %d overrides, %d prefixes\n", found.Rows, found.Overrides, found.Prefixes)
		})
	}
	return cmd
}

// nodeFlags are the flags of run, and so of check.
func (a *app) nodeFlags(cmd *cobra.Command) {
	a.flags.NodeFlags(cmd.Flags())
	a.flags.TableFlags(cmd.Flags())
	a.flags.PlaneFlags(cmd.Flags())
	a.flags.VideoFlags(cmd.Flags())
}
