package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"quicedge/internal/mtu"
	"quicedge/test/lab/lab"
)

// config is what the command line says.
type config struct {
	Profiles    []lab.Profile // of the classes that are wanted
	Scenario    scenario
	Seed        uint64
	Duration    time.Duration
	Connections int
	Size        int64 // bytes
	Parallel    int
	Initial     uint16 // bytes of UDP payload; 0: the client's default
	Family      string
	Node, Stock string // programs
	Alone       bool
	Output, SVG string
	Command     []string // the server's; empty: Node
}

func parse(args []string) (c config, err error) {
	f := pflag.NewFlagSet("lab", pflag.ContinueOnError)
	classes := f.String("classes", "all", "classes, with commas: PROVINCE/ISP, PROVINCE, any/ISP, given (those with given values) or all")
	scene := f.String("scenario", "steady", "one of: "+scenarioList())
	profiles := f.String("profiles", "", "CSV of the networks (default: test/lab/profiles.csv, built in)")
	kib := f.Int64("size", 512, "KiB of the file that each connection fetches, in scenarios that do not go on until the time is over")
	f.Uint64Var(&c.Seed, "seed", 1, "of the links: the same seed gives packets the same fate")
	f.DurationVar(&c.Duration, "duration", 0, "of a class: the most for one fetch, or the whole time line (default: the scenario's)")
	f.IntVar(&c.Connections, "connections", 3, "connections of each class, from networks of their own")
	f.IntVar(&c.Parallel, "parallel", 6, "classes at once")
	f.Uint16Var(&c.Initial, "client-initial", 0, "bytes of UDP payload that clients start with; 1200 turns their path MTU discovery off too (default: the scenario's, else quic-go's)")
	f.StringVar(&c.Family, "family", "both", "4, 6 or both")
	f.StringVar(&c.Node, "node", "build/quicedge", "the node's program")
	f.StringVar(&c.Stock, "stock", "", "the stock server's program (default: test/lab/stock, built)")
	f.BoolVar(&c.Alone, "alone", false, "without the stock server")
	f.StringVarP(&c.Output, "output", "o", "table", "table or json")
	f.StringVar(&c.SVG, "svg", "", "file for the picture")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	c.Command, c.Size = f.Args(), *kib<<10
	if c.Scenario, err = findScenario(*scene); err != nil {
		return c, err
	}
	if c.Duration == 0 {
		c.Duration = c.Scenario.lasts
	}
	if c.Initial == 0 {
		c.Initial = c.Scenario.initial
	}
	if c.Scenario.long {
		c.Size = endless
	}
	if c.Profiles, err = chooseProfiles(*profiles, *classes); err != nil {
		return c, err
	}
	return c, c.check()
}

func (c config) check() error {
	switch {
	case c.Output != "table" && c.Output != "json":
		return fmt.Errorf("-o %s: table or json", c.Output)
	case c.Family != "4" && c.Family != "6" && c.Family != "both":
		return fmt.Errorf("--family %s: 4, 6 or both", c.Family)
	case c.Initial != 0 && (c.Initial < 1200 || c.Initial > 1452):
		return fmt.Errorf("--client-initial %d: 1200 to 1452, or 0", c.Initial)
	case c.Connections < 1 || c.Connections > lab.Networks || c.Parallel < 1 || c.Size < 1 || c.Duration < 0:
		return fmt.Errorf("--connections 1 to %d; --parallel, --size and --duration above 0", lab.Networks)
	}
	return nil
}

// chooseProfiles reads the profiles and keeps those of some classes.
func chooseProfiles(file, classes string) ([]lab.Profile, error) {
	name, content := "test/lab/profiles.csv", shippedProfiles
	if file != "" {
		var err error
		if content, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("read the profiles: %w", err)
		}
		name = file
	}
	all, err := lab.ReadProfiles(bytes.NewReader(content), name)
	if err != nil {
		return nil, err
	}
	want, err := parseClasses(classes)
	if err != nil {
		return nil, err
	}
	var chosen []lab.Profile
	for _, p := range all {
		if want(p) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("--classes %s: no such class in %s", classes, name)
	}
	return chosen, nil
}

// parseClasses reads the flag of that name.
func parseClasses(s string) (func(lab.Profile) bool, error) {
	var given bool
	var selectors []mtu.Selector
	for part := range strings.SplitSeq(s, ",") {
		if part == "given" {
			given = true
			continue
		}
		if part == "all" {
			part = "any"
		}
		province, isp, _ := strings.Cut(part, "/")
		sel, err := mtu.ParseSelector(province, isp)
		if err != nil {
			return nil, fmt.Errorf("--classes: %w", err)
		}
		selectors = append(selectors, sel)
	}
	return func(p lab.Profile) bool {
		return given && len(p.Given) > 0 || slices.ContainsFunc(selectors, func(s mtu.Selector) bool { return s.Covers(p.ID) })
	}, nil
}
