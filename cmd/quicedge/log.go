package main

import (
	"log/slog"

	"quicedge/internal/config"
)

// newLog makes the process's logger: every line carries the region.
func newLog(e env, cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		panic(err) // the settings were checked
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(e.stderr, options)
	if cfg.LogFormat == "text" || cfg.LogFormat == "auto" && e.terminal {
		handler = slog.NewTextHandler(e.stderr, options)
	}
	return slog.New(handler).With("edge-region", cfg.Region)
}
