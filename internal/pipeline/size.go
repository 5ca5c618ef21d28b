package pipeline

import (
	"fmt"
	"log/slog"
	"math"
	"runtime"

	"quicedge/internal/cgroup"
)

// What a pool takes of a machine that it shares with the node.
const (
	usualMemory = 1280 << 20 // of a worker; enough for 3840x2160
	leastMemory = 640 << 20  // of a worker; enough for 1920x1080
	idleMemory  = 64 << 20   // of a worker without a job
	// One of nodeShare bytes is the node's: connections, tables, caches, and what the kernel counts of its sockets.
	nodeShare = 4
)

// machine is what there is to share.
type machine struct {
	cpus   int
	memory int64 // bytes; 0: not known
}

// thisMachine is what the control groups leave of this one.
func thisMachine() machine {
	m := machine{cpus: runtime.GOMAXPROCS(0), memory: cgroup.Total("/")}
	limits := cgroup.Read("/")
	if limits.CPUs > 0 {
		m.cpus = min(m.cpus, int(math.Ceil(limits.CPUs)))
	}
	if limits.Memory > 0 && (m.memory == 0 || limits.Memory < m.memory) {
		m.memory = limits.Memory
	}
	return m
}

// fit gives workers their number and their memory, where they are not set, so that all of them at work and the spare ones
// fit beside the node: two a CPU, for one of two usually waits for its upload; fewer where the memory is short; and where it
// is short for one, one with less of it.
func (c *Config) fit(m machine) {
	forWork := m.memory - m.memory/nodeShare - int64(c.Spares)*idleMemory
	if c.Workers == 0 {
		c.Workers = min(max(2*m.cpus, 2), 16)
		if m.memory > 0 {
			each := c.MaxMemory
			setDefault(&each, usualMemory)
			c.Workers = int(min(max(forWork/each, 1), int64(c.Workers)))
		}
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = usualMemory
		if m.memory > 0 {
			c.MaxMemory = min(max(forWork/int64(c.Workers), leastMemory), usualMemory)
		}
	}
}

// warn says when what is configured does not fit.
func (c *Config) warn(m machine, log *slog.Logger) {
	all := int64(c.Workers)*c.MaxMemory + int64(c.Spares)*idleMemory
	if m.memory == 0 || all <= m.memory-m.memory/nodeShare {
		return
	}
	log.Warn("video workers may take more memory than there is for them: the kernel would end one; lower video_workers or give the node more memory",
		"workers", c.Workers, "memory_of_each", fmt.Sprintf("%d MiB", c.MaxMemory>>20), "memory_of_the_node", fmt.Sprintf("%d MiB", m.memory>>20))
}
