// Lab runs a server against the networks of profiles.csv, and a stock server against the same ones, and prints what clients of each class got from
// both: handshake failures, time to first byte, goodput, datagrams over the path MTU, lost probes, recovery time.
//
//	go run ./test/lab [flags] [-- SERVER COMMAND...]
//
// Without a command it runs build/quicedge. docs/lab.md says more.
package main

//go:generate sh -c "go run ./mkprofiles > profiles.csv"

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

//go:embed profiles.csv
var shippedProfiles []byte

func main() {
	cfg, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := run(ctx, cfg, os.Stderr)
	if err == nil {
		err = r.write(cfg, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
