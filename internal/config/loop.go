package config

import (
	"time"

	"github.com/spf13/pflag"
)

// LoopFlags binds the flags of the loop that measures and learns. The finer settings are those of the file and the environment.
func (c *Config) LoopFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.NATTimeout, "nat-timeout", c.NATTimeout, "how long NATs remember a silent flow, of every ISP and of single ones, such as 30s,CMCC=60s")
	fs.Var((*duration)(&c.Tick), "tick", "how often measurements are looked at")
	fs.Var((*duration)(&c.LearnRaiseAfter), "learn-raise-after", "how long a class whose MTU was lowered waits until more is tried")
}

func (c Config) validateLoop() *wrongValue {
	for _, d := range []struct {
		key         string
		value       time.Duration
		least, most time.Duration
	}{
		{"tick", c.Tick, 10 * time.Millisecond, time.Minute},
		{"measure_half_life", c.MeasureHalfLife, time.Second, 24 * time.Hour},
		{"measure_expire", c.MeasureExpire, time.Second, 7 * 24 * time.Hour},
		{"condition_dwell", c.ConditionDwell, time.Second, time.Hour},
		{"learn_window", c.LearnWindow, time.Second, 7 * 24 * time.Hour},
		{"learn_raise_after", c.LearnRaiseAfter, time.Second, 7 * 24 * time.Hour},
	} {
		if d.value < d.least || d.value > d.most {
			return wrong(d.key, "%s: use %s to %s", d.value, d.least, d.most)
		}
	}
	switch {
	case c.MeasureExpire < c.MeasureHalfLife:
		return wrong("measure_expire", "%s: less than measure_half_life, %s: give more", c.MeasureExpire, c.MeasureHalfLife)
	case c.MeasureMinSamples < 1 || c.MeasureMinSamples > 1_000_000:
		return wrong("measure_min_samples", "%d: use 1 to 1000000", c.MeasureMinSamples)
	case c.MeasureMinPackets < 1 || c.MeasureMinPackets > 1_000_000_000:
		return wrong("measure_min_packets", "%d: use 1 to 1000000000", c.MeasureMinPackets)
	case c.ConditionMargin < 1 || c.ConditionMargin > 50:
		return wrong("condition_margin_percent", "%d: use 1 to 50", c.ConditionMargin)
	case c.LearnMinNetworks < 2 || c.LearnMinNetworks > 256:
		return wrong("learn_min_networks", "%d: use 2 to 256; with 1 a single network could move its class", c.LearnMinNetworks)
	case c.LearnMinSamples < 1 || c.LearnMinSamples > 10_000:
		return wrong("learn_min_samples", "%d: use 1 to 10000", c.LearnMinSamples)
	}
	return nil
}
