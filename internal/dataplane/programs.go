package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// ProgramFacts is a pinned program as the kernel has it.
type ProgramFacts struct {
	Name    string // such as "qe_ingress"
	ID      uint32 // 0 where its pin is missing
	Tag     string // the kernel's hash of its instructions
	Runs    uint64 // while run-time statistics were on; a GSO super-packet is one run
	RunTime time.Duration
}

// Programs describes every program of ours, pinned or missing, by name. It needs access to the folder, and no capability.
func (p *Plane) Programs() (all []ProgramFacts, err error) {
	var none programs
	for name := range programFields(&none) {
		facts, err := programFacts(progPin(p.dir, name))
		if err != nil {
			return nil, explain("ask for program "+name, err)
		}
		facts.Name = name
		all = append(all, facts)
	}
	slices.SortFunc(all, func(a, b ProgramFacts) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func programFacts(pin string) (facts ProgramFacts, err error) {
	prog, err := ebpf.LoadPinnedProgram(pin, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return facts, nil
	}
	if err != nil {
		return facts, err
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		return facts, err
	}
	id, _ := info.ID()
	facts.ID, facts.Tag = uint32(id), info.Tag
	stats, err := prog.Stats()
	if err != nil {
		return facts, err
	}
	facts.Runs, facts.RunTime = stats.RunCount, stats.Runtime
	return facts, nil
}

// EnableRunStats makes the kernel measure the run time of every BPF program until the Closer is closed, at a cost of some
// nanoseconds a run. It needs CAP_SYS_ADMIN (ErrNotPermitted), and Linux 5.8.
func EnableRunStats() (io.Closer, error) {
	on, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("turn the kernel's run-time statistics on: %w: it takes CAP_SYS_ADMIN", ErrNotPermitted)
	}
	return on, explain("turn the kernel's run-time statistics on", err)
}

// LookupProgram is the program that answers Lookup. No packet meets it.
const LookupProgram = bpf.DataplaneProgQeLookup
