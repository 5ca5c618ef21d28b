package config

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// wrongValue is a setting that cannot be used, by its key in the file.
type wrongValue struct{ key, reason string }

func wrong(key, format string, args ...any) *wrongValue {
	return &wrongValue{key: key, reason: key + " " + fmt.Sprintf(format, args...)}
}

var regionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// validate checks what can be checked without touching anything outside.
func (c Config) validate() *wrongValue {
	if !regionName.MatchString(c.Region) {
		return wrong("region", "%q: use letters, digits, '.', '_' and '-', such as shanghai-03", c.Region)
	}
	for _, at := range [][2]string{{"listen", c.Listen}, {"admin", c.Admin}} {
		if reason := checkAddress(at[1]); reason != "" {
			return wrong(at[0], "%q: %s; write host:port or :port, such as :443", at[1], reason)
		}
	}
	if _, err := c.UDPPorts(); err != nil {
		return wrong("ports", "%q: %v", c.Ports, err)
	}
	switch {
	case c.Cert != "" && c.Key == "":
		return wrong("cert", "is given without key: they belong together, give both or neither")
	case c.Key != "" && c.Cert == "":
		return wrong("key", "is given without cert: they belong together, give both or neither")
	}
	for _, needed := range [][2]string{{"iface", c.Iface}, {"state_dir", c.StateDir}, {"pin_dir", c.PinDir}} {
		if needed[1] == "" {
			return wrong(needed[0], "is empty")
		}
	}
	if !filepath.IsAbs(c.PinDir) {
		return wrong("pin_dir", "%q: not from the root: write such as /sys/fs/bpf/quicedge", c.PinDir)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		return wrong("log_level", "%q: use debug, info, warn or error", c.LogLevel)
	}
	if !slices.Contains([]string{"auto", "text", "json"}, c.LogFormat) {
		return wrong("log_format", "%q: use auto, text or json", c.LogFormat)
	}
	for _, check := range []func() *wrongValue{c.validatePlane, c.validateNAT, c.validateLoop, c.validateClients, c.validateACME} {
		if wrong := check(); wrong != nil {
			return wrong
		}
	}
	return c.validateLimits()
}

func (c Config) validateLimits() *wrongValue {
	switch {
	case c.Workers < 0 || c.Workers > 256:
		return wrong("workers", "%d: use 0 to 256", c.Workers)
	case c.DrainTimeout < 0 || c.DrainTimeout > time.Hour:
		return wrong("drain_timeout", "%s: use 0s to 1h", c.DrainTimeout)
	case c.KeepTimeout < 0 || c.KeepTimeout > 24*time.Hour:
		return wrong("keep_timeout", "%s: use 0s to 24h", c.KeepTimeout)
	case c.VideoTimeout < time.Second || c.VideoTimeout > 24*time.Hour:
		return wrong("video_timeout", "%s: use 1s to 24h", c.VideoTimeout)
	case c.VideoWorkers < 0 || c.VideoWorkers > 256:
		return wrong("video_workers", "%d: use 0 to 256", c.VideoWorkers)
	case c.VideoQueue < 1 || c.VideoQueue > 10_000:
		return wrong("video_queue", "%d: use 1 to 10000", c.VideoQueue)
	case c.VideoMaxUploadMiB < 1 || c.VideoMaxUploadMiB > 1<<20:
		return wrong("video_max_upload_mib", "%d: use 1 to %d", c.VideoMaxUploadMiB, 1<<20)
	}
	return nil
}

func checkAddress(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "not an address with a port"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n > 65535 {
		return "port " + strconv.Quote(port) + " is not a number from 0 to 65535"
	}
	return ""
}
