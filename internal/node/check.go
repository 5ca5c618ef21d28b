package node

import (
	"fmt"
	"os"
	"time"

	"quicedge/internal/config"
	"quicedge/internal/pipeline"
	"quicedge/internal/ticketkey"
)

// Found is what Check read.
type Found struct {
	Rows, Overrides, Prefixes int
	Warnings                  []string
}

// Check reads all that Start would read, and starts nothing.
func Check(cfg config.Config) (Found, error) {
	var found Found
	files, err := Sources(cfg)
	if err != nil {
		return found, err
	}
	in, err := files.Read()
	if err != nil {
		return found, err
	}
	if _, err := in.Snapshot(); err != nil {
		return found, err
	}
	found = Found{Rows: len(in.Layers.CSV.Rows()), Overrides: len(in.Layers.Overrides.Rows()), Prefixes: len(in.Prefixes.Entries())}
	if _, err := pipeline.OpenLibrary(cfg.Pipelines, cfg.Models); err != nil {
		return found, err
	}
	cert, err := certificate(cfg)
	if err != nil {
		return found, err
	}
	found.Warnings = cert.Warnings(time.Now())
	if cfg.Cert == "" && cfg.ACME == "" {
		found.Warnings = append(found.Warnings, "no certificate: the node will make a self-signed one; name yours with cert and key")
	}
	if cfg.TicketKeys != "" {
		if _, err := ticketkey.Read(cfg.TicketKeys); err != nil {
			return found, err
		}
	}
	if cfg.Root != "" {
		if info, err := os.Stat(cfg.Root); err != nil {
			return found, fmt.Errorf("look at root: %w", err)
		} else if !info.IsDir() {
			return found, fmt.Errorf("root %s: not a folder", cfg.Root)
		}
	}
	return found, nil
}
