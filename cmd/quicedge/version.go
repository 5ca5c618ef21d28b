package main

import (
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"quicedge/internal/path"
)

// version is set by the build: go build -ldflags "-X main.version=..."
var version = "dev"

func (a *app) versionCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs}
	a.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		out := struct {
			APIVersion string `json:"apiVersion"`
			Version    string `json:"version"`
			Go         string `json:"go"`
			QUIC       string `json:"quic"`
		}{path.APIVersion, version, runtime.Version(), moduleVersion("github.com/quic-go/quic-go")}
		return a.print(out, func(w io.Writer) { cells(w, "quicedge", out.Version, out.Go, "quic-go "+out.QUIC) })
	}
	return cmd
}

func moduleVersion(name string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == name {
			return m.Version
		}
	}
	return "unknown"
}
