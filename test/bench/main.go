// Bench compares HTTP/3 servers that serve the same files to the same generator: processor time of a small GET and of a MiB,
// and memory of a connection. Each server has one processor, the generator another; servers take turns, so that what else the
// machine does falls on all of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

type settings struct {
	node, plain, caddy, nginx string // programs; "": not measured
	rounds                    int
	time                      time.Duration // of one measurement
	connections, streams      int           // at once
	idle                      int           // connections whose memory is measured
	serverCPU                 int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, parse()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse() settings {
	var s settings
	flag.StringVar(&s.node, "node", "build/quicedge", "the node's program")
	flag.StringVar(&s.plain, "plain", "build/stock", "the plain quic-go server (test/lab/stock)")
	flag.StringVar(&s.caddy, "caddy", installed("caddy"), "Caddy's program; empty: left out")
	flag.StringVar(&s.nginx, "nginx", withHTTP3(installed("nginx")), "nginx with HTTP/3; empty: left out")
	flag.IntVar(&s.rounds, "rounds", 15, "times that each server is measured; the median counts")
	flag.DurationVar(&s.time, "time", time.Second, "how long a measurement takes")
	flag.IntVar(&s.connections, "connections", 8, "connections at once")
	flag.IntVar(&s.streams, "streams", 4, "small GETs at once on each")
	flag.IntVar(&s.idle, "idle", 10_000, "idle connections whose memory is measured")
	flag.IntVar(&s.serverCPU, "server-cpu", 0, "the processor that servers run on")
	flag.Parse()
	return s
}

func installed(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func run(ctx context.Context, s settings) (err error) {
	dir, err := os.MkdirTemp("", "bench-http")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	site, err := newSite(dir)
	if err != nil {
		return err
	}
	candidates, err := candidates(s, site)
	if err != nil {
		return err
	}
	results := make([]*result, len(candidates))
	for i, c := range candidates {
		p, err := start(ctx, c, s.serverCPU, filepath.Join(dir, c.name+".log"))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		defer p.end()
		results[i] = &result{name: c.name, process: p, url: c.url}
	}
	for round := range s.rounds {
		for i := range results {
			r := results[(round+i)%len(results)] // who comes first differs: what ran before has an effect
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, s.rounds, r.name)
			if err := r.measure(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	for _, r := range results {
		if r.memory, err = idleMemory(ctx, s, r); err != nil {
			return fmt.Errorf("%s: memory of %d connections: %w", r.name, s.idle, err)
		}
	}
	show(os.Stdout, s, results)
	return nil
}
