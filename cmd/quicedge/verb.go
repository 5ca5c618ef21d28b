package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// needsVerb refuses a noun alone.
func needsVerb(verbs string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q", args[0])
		}
		return errors.New("name what to do: " + verbs)
	}
}
