package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"quicedge"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quicedge.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShippedFileHoldsEverySettingAtItsDefault(t *testing.T) {
	got, err := Load(Source{Path: write(t, string(quicedge.DefaultConfig))})
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); got != want {
		t.Errorf("quicedge.yaml says %+v, the program %+v", got, want)
	}
	var keys map[string]any
	if err := yaml.Unmarshal(quicedge.DefaultConfig, &keys); err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("yaml")
		if _, ok := keys[name]; !ok {
			t.Errorf("quicedge.yaml has no key %s", name)
		}
		if env := strings.ToUpper(name); f.Tag.Get("env") != env {
			t.Errorf("%s: environment %q, want %q", name, f.Tag.Get("env"), env)
		}
	}
}

func TestFlagsStandAboveEnvironmentAboveFile(t *testing.T) {
	path := write(t, "listen: ':1'\nadmin: 127.0.0.1:1\nregion: file\nvideo_timeout: 5s\n")
	var bound Config
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bound.NodeFlags(flags)
	if err := flags.Parse([]string{"--listen", ":3"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Source{Path: path, Flags: flags, Environ: map[string]string{"QUICEDGE_LISTEN": ":2", "QUICEDGE_ADMIN": "127.0.0.1:2"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3" || c.Admin != "127.0.0.1:2" || c.Region != "file" || c.VideoTimeout.Seconds() != 5 || c.StateDir != Default().StateDir {
		t.Errorf("got %+v", c)
	}
}

func TestWrongSettingsNameTheirPlace(t *testing.T) {
	tests := map[string]struct{ text, where, reason string }{
		"unknown key":      {"region: a\nlisen: ':443'\n", ":2:1", "lisen"},
		"wrong type":       {"region: a\nvideo_queue: many\n", ":2:14", "many"},
		"wrong value":      {"# c\n\nlog_level: loud\n", ":3:12", `log_level "loud": use debug`},
		"no port":          {"listen: localhost\n", ":1:9", "not an address with a port"},
		"port too large":   {"admin: 127.0.0.1:99999\n", ":1:8", "99999"},
		"cert without key": {"cert: a.pem\n", ":1:7", "key belong together"},
		"not YAML":         {"region: [a\n", ":1:", ""},
		"a list":           {"- a\n- b\n", ":1:", ""},
		"duplicate key":    {"region: a\nregion: b\n", ":2:1", "region"},
		"bad duration":     {"drain_timeout: soon\n", ":1:16", "soon"},
		"negative":         {"video_timeout: -1s\n", ":1:16", "video_timeout"},
		"bad region":       {"region: 'a b'\n", ":1:9", "shanghai-03"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, tt.text)
			_, err := Load(Source{Path: path})
			var wrong *Error
			if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Where, path+tt.where) || !strings.Contains(wrong.Reason, tt.reason) {
				t.Errorf("got %v; want %s%s ... %s", err, path, tt.where, tt.reason)
			}
		})
	}
}

func TestWrongEnvironmentAndFlagsAreNamed(t *testing.T) {
	_, err := Load(Source{Path: write(t, ""), Environ: map[string]string{"QUICEDGE_LOG_LEVEL": "loud"}})
	if err == nil || !strings.HasPrefix(err.Error(), "QUICEDGE_LOG_LEVEL: ") {
		t.Errorf("got %v", err)
	}
	_, err = Load(Source{Path: write(t, ""), Environ: map[string]string{"QUICEDGE_VIDEO_QUEUE": "x"}})
	if err == nil || !strings.Contains(err.Error(), "VideoQueue") {
		t.Errorf("got %v", err)
	}
	var bound Config
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bound.NodeFlags(flags)
	if err := flags.Parse([]string{"--listen", "x"}); err != nil {
		t.Fatal(err)
	}
	_, err = Load(Source{Path: write(t, ""), Flags: flags})
	if err == nil || !strings.HasPrefix(err.Error(), "--listen: ") {
		t.Errorf("got %v", err)
	}
	if _, err := Load(Source{Path: "missing.yaml"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(string(quicedge.DefaultConfig))
	f.Add("listen: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(Source{Path: write(t, text)})
		if err == nil && c.validate() != nil {
			t.Fatalf("loaded a wrong value: %v", c.validate())
		}
	})
}
