package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"quicedge/test/lab/lab"
)

// endless is the size in bytes of the file that is fetched until the time is over; nothing of it is on the disk.
const endless = 1 << 30

// run puts each server in a lab of its own, with links that treat both alike, and measures.
func run(ctx context.Context, cfg config, progress io.Writer) (r report, err error) {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root := filepath.Join(dir, "root")
	if err := errors.Join(os.Mkdir(root, 0o755), lab.WriteFiles(root, cfg.Size, endless)); err != nil {
		return r, fmt.Errorf("make the files to serve: %w", err)
	}
	if cfg.Scenario.path != nil {
		for i := range cfg.Profiles {
			cfg.Scenario.path(&cfg.Profiles[i])
		}
	}
	r = newReport(cfg)
	if !cfg.Alone {
		if err := r.measure(ctx, cfg, "stock", stock(cfg, dir, root), progress); err != nil {
			return r, err
		}
	}
	return r, r.measure(ctx, cfg, serverName(cfg), server(cfg, dir, root), progress)
}

func serverName(cfg config) string {
	if len(cfg.Command) > 0 {
		return filepath.Base(cfg.Command[0])
	}
	return "quicedge"
}

// starter starts a server in a lab.
type starter func(context.Context, *lab.Lab) (*lab.Server, error)

func stock(cfg config, dir, root string) starter {
	return func(ctx context.Context, l *lab.Lab) (*lab.Server, error) {
		program := cfg.Stock
		if program == "" {
			program = filepath.Join(dir, "stock")
			if err := lab.Build(ctx, "quicedge/test/lab/stock", program); err != nil {
				return nil, err
			}
		}
		return l.Start(ctx, exec.Command(program, "--root", root))
	}
}

func server(cfg config, dir, root string) starter {
	node := lab.Node{Program: cfg.Node, Folder: filepath.Join(dir, "node"), Root: root}
	if cfg.Scenario.row != 0 {
		for _, p := range cfg.Profiles {
			node.Rows = append(node.Rows, lab.Row{ID: p.ID, MTU: cfg.Scenario.row})
		}
	}
	return func(ctx context.Context, l *lab.Lab) (*lab.Server, error) {
		if len(cfg.Command) == 0 {
			return l.StartNode(ctx, node)
		}
		if _, _, err := node.Command(); err != nil { // for the tables
			return nil, err
		}
		fill := strings.NewReplacer("{root}", root, "{port}", strconv.Itoa(lab.Port), "{device}", lab.Device,
			"{prefixes}", filepath.Join(node.Folder, "prefixes.csv"), "{table}", filepath.Join(node.Folder, "mtu.csv"))
		args := make([]string, len(cfg.Command))
		for i, a := range cfg.Command {
			args[i] = fill.Replace(a)
		}
		return l.Start(ctx, exec.Command(args[0], args[1:]...))
	}
}

// measure runs one server against all classes.
func (r *report) measure(ctx context.Context, cfg config, name string, start starter, progress io.Writer) (err error) {
	classes := make([]lab.Class, len(cfg.Profiles))
	for i, p := range cfg.Profiles {
		classes[i] = lab.Class{ID: p.ID, Settings: p.Settings()}
	}
	l, err := lab.Open(lab.Config{Seed: cfg.Seed, Classes: classes})
	if err != nil {
		return fmt.Errorf("make the lab: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	s, err := start(ctx, l)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	results := make([]classResult, len(cfg.Profiles))
	var all sync.WaitGroup
	slots := make(chan struct{}, cfg.Parallel)
	for i, p := range cfg.Profiles {
		slots <- struct{}{}
		all.Go(func() {
			results[i] = measureClass(ctx, cfg, l, p)
			fmt.Fprintf(progress, "%s %s: %d of %d handshakes failed, %.1f Mbit/s\n", name, p.ID, results[i].Failed, results[i].Handshakes, results[i].Goodput)
			<-slots
		})
	}
	all.Wait()
	dropped, err := l.Dropped()
	r.Servers = append(r.Servers, serverResult{Name: name, Dropped: dropped, Classes: results})
	return errors.Join(err, ctx.Err(), s.Stop())
}
