package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"quicedge/test/lab/lab"
)

// endless is the size in bytes of the file that is fetched until the time is over; nothing of it is on the disk.
const endless = 1 << 30

// run puts each server in a lab of its own, with links that treat both alike, and measures them.
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
	servers := []bench{{name: serverName(cfg), start: server(cfg, dir, root)}}
	if !cfg.Alone {
		servers = slices.Insert(servers, 0, bench{name: "stock", start: stock(cfg, dir, root)})
	}
	for i := range servers {
		if err := servers[i].open(ctx, cfg); err != nil {
			return r, fmt.Errorf("%s: %w", servers[i].name, errors.Join(err, closeAll(servers)))
		}
	}
	r = compare(ctx, cfg, servers, progress)
	for i, s := range servers {
		dropped, wrong := s.lab.Dropped()
		r.Servers[i].Dropped, err = dropped, errors.Join(err, wrong)
	}
	return r, errors.Join(err, ctx.Err(), closeAll(servers))
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
	node := lab.Node{Program: cfg.Node, Folder: filepath.Join(dir, "node"), Root: root, Args: cfg.Scenario.settings}
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

// bench is a server in a lab of its own.
type bench struct {
	name   string
	start  starter
	lab    *lab.Lab
	server *lab.Server
}

func (b *bench) open(ctx context.Context, cfg config) (err error) {
	classes := make([]lab.Class, len(cfg.Profiles))
	for i, p := range cfg.Profiles {
		classes[i] = lab.Class{ID: p.ID, Settings: p.Settings()}
	}
	if cfg.Scenario.hostile {
		for _, p := range cfg.Profiles {
			p.MTU, p.ICMP = tiny, false
			classes = append(classes, lab.Class{ID: p.ID, Settings: p.Settings(), Only: hostileNet(p.ID)})
		}
	}
	if b.lab, err = lab.Open(lab.Config{Seed: cfg.Seed, Classes: classes}); err != nil {
		return fmt.Errorf("make the lab: %w", err)
	}
	b.server, err = b.start(ctx, b.lab)
	return err
}

func closeAll(servers []bench) (err error) {
	for _, b := range servers {
		if b.server != nil {
			err = errors.Join(err, b.server.Stop())
		}
		if b.lab != nil {
			err = errors.Join(err, b.lab.Close())
		}
	}
	return err
}

// compare takes each class to all servers, one after the other, before it takes the next: what the machine does beside is then much the same for
// both.
func compare(ctx context.Context, cfg config, servers []bench, progress io.Writer) report {
	r := newReport(cfg)
	for _, b := range servers {
		r.Servers = append(r.Servers, serverResult{Name: b.name, Classes: make([]classResult, len(cfg.Profiles))})
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, cfg.Parallel)
	for i, p := range cfg.Profiles {
		slots <- struct{}{}
		all.Go(func() {
			for n, b := range servers {
				c := measureClass(ctx, cfg, b, p)
				r.Servers[n].Classes[i] = c
				fmt.Fprintf(progress, "%s %s: %d of %d handshakes failed, %.1f Mbit/s\n", b.name, p.ID, c.Failed, c.Handshakes, c.Goodput)
			}
			<-slots
		})
	}
	all.Wait()
	return r
}
