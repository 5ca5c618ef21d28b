package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"quicedge/internal/adminsocket"
	"quicedge/internal/path"
	"quicedge/internal/statedir"
)

type reloadAnswer struct {
	APIVersion string `json:"apiVersion"`
	Changed    int    `json:"changed"` // classes whose profile changed
}

func (a *app) reloadCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reload",
		Short:   "Make the running node read tables, overrides and certificate again",
		Long:    "No connection is touched. What cannot be read is refused, and the node keeps what it had.",
		Example: "  quicedge reload",
		Args:    cobra.NoArgs,
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.runningNode(cmd)
		if err != nil {
			return err
		}
		changed, err := client.Reload(cmd.Context())
		if err != nil {
			return err
		}
		return a.print(reloadAnswer{path.APIVersion, changed}, func(w io.Writer) { fmt.Fprintf(w, "reloaded: %d changed\n", changed) })
	}
	return cmd
}

type upgradeAnswer struct {
	APIVersion string `json:"apiVersion"`
	PID        int    `json:"pid"`
}

func (a *app) upgradeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upgrade [PROGRAM]",
		Short: "Put another process, of a new program, in the place of the running node without losing a connection",
		Long: `The node starts the program (default: its own file, which may have been replaced) with its own arguments. The new process proves that it can
serve, then takes all new connections. The old one keeps those it has until they end (keep_timeout), asks what is left to go
(drain_timeout), and ends. A program that fails to start leaves the old one serving.`,
		Example: "  quicedge upgrade\n  quicedge upgrade /opt/quicedge-1.2/quicedge",
		Args:    cobra.MaximumNArgs(1),
	}
	a.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := a.runningNode(cmd)
		if err != nil {
			return err
		}
		program := ""
		if len(args) == 1 {
			if program, err = filepath.Abs(args[0]); err != nil {
				return err
			}
		}
		pid, err := client.Upgrade(cmd.Context(), program)
		if err != nil {
			return err
		}
		return a.print(upgradeAnswer{path.APIVersion, pid}, func(w io.Writer) { fmt.Fprintf(w, "process %d has taken over\n", pid) })
	}
	return cmd
}

func (a *app) runningNode(cmd *cobra.Command) (adminsocket.Client, error) {
	cfg, err := a.settings(cmd)
	return adminsocket.Dial(statedir.At(cfg.StateDir).Socket()), err
}
