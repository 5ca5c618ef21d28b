package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// unlimited is where version 1 begins to mean no limit: the largest number of pages that the kernel counts is above all
// machines.
const unlimited = 1 << 60

// limits reads those of one group.
func (c controller) limits(dir string) Limits {
	switch c {
	case unified:
		return Limits{CPUs: share(words(dir, "cpu.max")), Memory: bytes(words(dir, "memory.max"))}
	case cpu:
		return Limits{CPUs: share(append(words(dir, "cpu.cfs_quota_us"), words(dir, "cpu.cfs_period_us")...))}
	case memory:
		return Limits{Memory: bytes(words(dir, "memory.limit_in_bytes"))}
	}
	return Limits{}
}

func words(dir, file string) []string {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

// share is quota / period; a quota of "max" or below 0 sets no limit.
func share(w []string) float64 {
	if len(w) != 2 {
		return 0
	}
	quota, err := strconv.ParseFloat(w[0], 64)
	period, err2 := strconv.ParseFloat(w[1], 64)
	if err != nil || err2 != nil || !(quota > 0) || !(period > 0) {
		return 0
	}
	return quota / period
}

// bytes is a size; "max" sets no limit.
func bytes(w []string) int64 {
	if len(w) != 1 {
		return 0
	}
	n, err := strconv.ParseInt(w[0], 10, 64)
	if err != nil || n <= 0 || n >= unlimited {
		return 0
	}
	return n
}
