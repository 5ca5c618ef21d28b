package config

import (
	"strings"
	"testing"
)

func TestWrongSettingsOfTheLoopNamePlaceAndCure(t *testing.T) {
	for line, want := range map[string]string{
		"tick: 0s":                    "tick 0s: use 10ms to 1m0s",
		"measure_half_life: 10ms":     "measure_half_life 10ms: use 1s to",
		"measure_expire: 30s":         "measure_expire 30s: less than measure_half_life, 1m0s: give more",
		"measure_min_samples: 0":      "measure_min_samples 0: use 1 to",
		"measure_min_packets: -1":     "measure_min_packets -1: use 1 to",
		"condition_margin_percent: 0": "condition_margin_percent 0: use 1 to 50",
		"condition_dwell: 2h":         "condition_dwell 2h0m0s: use 1s to",
		"learn_window: 500h":          "learn_window 500h0m0s: use 1s to",
		"learn_raise_after: 1ms":      "learn_raise_after 1ms: use 1s to",
		"learn_min_networks: 1":       "with 1 a single network could move its class",
		"learn_min_samples: 20000":    "learn_min_samples 20000: use 1 to 10000",
	} {
		path := write(t, "region: a\n"+line+"\n")
		if _, err := Load(Source{Path: path}); err == nil || !strings.HasPrefix(err.Error(), path+":2:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}
