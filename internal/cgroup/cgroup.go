// Package cgroup reads what control groups leave this process of its machine: both versions, mixed ones, those of a
// container that sees only its own part of the tree, and none.
package cgroup

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits are the tightest of all groups that hold the process.
type Limits struct {
	CPUs   float64 // cores' worth of time; 0: no limit
	Memory int64   // bytes; 0: no limit
}

// Read returns the limits of this process, as the files below root say; root is "/" but in tests. What cannot be read sets no
// limit.
func Read(root string) Limits {
	var l Limits
	groups := membership(root)
	for _, m := range mounts(root) {
		path, ok := groups[m.controller]
		if !ok {
			continue
		}
		for _, dir := range m.levels(root, path) {
			l.tighten(m.controller.limits(dir))
		}
	}
	return l
}

// Total returns the memory of the machine in bytes, 0 where /proc/meminfo does not say.
func Total(root string) int64 {
	for _, line := range lines(filepath.Join(root, "proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil || kib < 0 || kib > math.MaxInt64>>10 {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

func (l *Limits) tighten(with Limits) {
	if with.CPUs > 0 && (l.CPUs == 0 || with.CPUs < l.CPUs) {
		l.CPUs = with.CPUs
	}
	if with.Memory > 0 && (l.Memory == 0 || with.Memory < l.Memory) {
		l.Memory = with.Memory
	}
}

// lines returns those of a file, none when it cannot be read.
func lines(path string) (all []string) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}
