package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"quicedge/internal/config"
	"quicedge/internal/node"
)

func (a *app) runCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the node: data plane, HTTP/3 server and video workers",
		Long: `Runs until SIGTERM or SIGINT, then lets requests in progress end (--drain-timeout); a second signal cuts them.
SIGHUP reads tables, overrides and certificate again. SIGUSR2 starts the program's file anew in the place of this process, which keeps
its connections until they end (--keep-timeout). Without BPF rights the node serves without a data plane and says so.`,
		Example: "  quicedge run --listen :443 --root /srv/www --iface eth0 --prefixes prefixes.csv",
		Args:    cobra.NoArgs,
	}
	a.nodeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.settings(cmd)
		if err != nil {
			return err
		}
		log := newLog(a.env, cfg)
		return a.runNode(cmd.Context(), cfg, log)
	}
	return cmd
}

func (a *app) runNode(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	signals := listenToSignals()
	defer signal.Stop(signals)
	n, err := node.Start(ctx, cfg, version, log)
	if err != nil {
		return err
	}
	greet(a.stdout, n.Facts())
	return attend(ctx, n, cfg, signals, supervisor{log})
}

func listenToSignals() chan os.Signal {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR2)
	return signals
}

// attend does what signals ask of a running node, until it ends.
func attend(ctx context.Context, n *node.Node, cfg config.Config, signals chan os.Signal, super supervisor) error {
	super.ready()
	watchdog, stopWatchdog := super.watchdog()
	defer stopWatchdog()
	ended := make(chan error, 1)
	go func() { ended <- n.Wait() }()
	reloads := make(chan struct{}, 1) // one that waits is done after all that was asked for until then
	defer close(reloads)
	go reloadWhenAsked(n, reloads, super)
	for {
		select {
		case <-watchdog:
			super.alive()
		case s := <-signals:
			switch s {
			case syscall.SIGHUP:
				select {
				case reloads <- struct{}{}:
				default:
				}
				continue
			case syscall.SIGUSR2:
				go n.Upgrade(context.WithoutCancel(ctx), "") // it has logged the outcome
				continue
			}
			super.stopping()
			return stopNode(n, cfg, signals)
		case <-n.Succeeded():
			return retire(n, cfg, signals)
		case err := <-ended:
			super.stopping()
			return errors.Join(err, stopNode(n, cfg, signals))
		case <-ctx.Done():
			super.stopping()
			return stopNode(n, cfg, signals)
		}
	}
}

// reloadWhenAsked does reloads one after the other, beside what attend does: the service manager wants to hear of a process whose tables are large.
func reloadWhenAsked(n *node.Node, asked <-chan struct{}, super supervisor) {
	for range asked {
		super.reloading()
		n.Reload() // it has logged the outcome
		super.reloaded()
	}
}

// retire keeps the connections of a node that another process has taken over from, until a signal or the deadline, then drains it.
func retire(n *node.Node, cfg config.Config, signals chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.KeepTimeout)
	defer cancel()
	retired := make(chan struct{})
	go func() { defer close(retired); n.Retire(ctx) }()
	for {
		select {
		case <-retired:
			return stopNode(n, cfg, signals)
		case s := <-signals:
			if ends(s) {
				cancel()
			}
		}
	}
}

func ends(s os.Signal) bool { return s == syscall.SIGTERM || s == syscall.SIGINT }

// stopNode drains the node. A second signal cuts what still runs, but takes everything down in order; a third ends the
// process where it stands.
func stopNode(n *node.Node, cfg config.Config, signals chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- n.Stop(ctx) }()
	for {
		select {
		case err := <-stopped:
			return err
		case s := <-signals:
			if ends(s) {
				cancel()
				signal.Stop(signals)
			}
		}
	}
}

// greet tells a person what runs and what to try.
func greet(w io.Writer, f node.Facts) {
	fmt.Fprintf(w, "quicedge is running\n")
	fmt.Fprintf(w, "  clients      https://localhost:%d/  (HTTP/3 on UDP, HTTP/2 and HTTP/1.1 on TCP)\n", f.Port)
	fmt.Fprintf(w, "  workers      %s\n", f.Workers)
	fmt.Fprintf(w, "  operators    http://%s/healthz\n", f.Admin)
	fmt.Fprintf(w, "  data plane   %s\n", f.DataPlane)
	fmt.Fprintf(w, "  video        %s\n", f.Video)
	fmt.Fprintf(w, "  certificate  %s\n", f.Certificate)
	fmt.Fprintf(w, "try:  curl -s http://%s/healthz\n", f.Admin)
}
