package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quicedge/internal/ticketkey"
)

func (a *app) keysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make and rotate a key file by which nodes take up each other's sessions",
		Long:  "The file is for ticket_keys (--ticket-keys). Copy it to each node, for the node's user alone to read.",
		Args:  needsVerb("new or rotate"),
		RunE:  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.keysNewCmd(), a.keysRotateCmd())
	return cmd
}

func (a *app) keysNewCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "new FILE",
		Short: "Make a key file of mode 0600; one that exists is left alone",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			err := ticketkey.Create(args[0], a.now())
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists: add a secret to it with quicedge keys rotate, or name another file", args[0])
			}
			return err
		},
	}
}

func (a *app) keysRotateCmd() *cobra.Command {
	var old time.Duration
	cmd := &cobra.Command{
		Use:   "rotate FILE",
		Short: "Add a new secret to a key file, in use an hour later, and take out those that no ticket needs",
		Long: "Copy the file to the nodes within the hour: each reads it by itself. Tickets of the former secret stay good for a day.\n" +
			"Within a secret the keys change every 12 hours by themselves, on all nodes at once.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			wrote, err := ticketkey.Rotate(args[0], a.now(), old)
			if err == nil && !wrote {
				fmt.Fprintf(a.stderr, "%s stays as it is: its last secret is not %s old\n", args[0], old)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&old, "older-than", 0, "do nothing where the last secret is not that old, such as 168h")
	return cmd
}
