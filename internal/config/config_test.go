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
		"cert without key": {"cert: a.pem\n", ":1:7", "cert is given without key"},
		"key without cert": {"region: a\nkey: a.pem\n", ":2:6", "key is given without cert"},
		"a fraction":       {"region: a\nvideo_workers: 1.5\n", ":2:16", `video_workers "1.5": want a whole number`},
		"a power":          {"video_queue: 1e3\n", ":1:14", "want a whole number"},
		"quoted fraction":  {"video_queue: '2.5'\n", ":1:14", "want a whole number"},
		"aliased fraction": {"video_queue: &n 2.5\nvideo_workers: *n\n", ":2:16", "want a whole number"},
		"infinite":         {"video_max_upload_mib: .inf\n", ":1:23", "want a whole number"},
		"two documents":    {"region: a\n---\nlisten: ':1'\n", ":2:1", "second YAML document"},
		"empty, then one":  {"---\n---\nregion: a\n", ":2:1", "second YAML document"},
		"ended, then one":  {"region: a\n...\n---\nregion: b\n", ":3:1", "second YAML document"},
		"after a BOM":      {"\ufeffregion: 'a b'\n", ":1:9", "shanghai-03"},
		"not YAML":         {"region: [a\n", ":1:", ""},
		"a list":           {"- a\n- b\n", ":1:", ""},
		"duplicate key":    {"region: a\nregion: b\n", ":2:1", "region"},
		"bad duration":     {"drain_timeout: soon\n", ":1:16", `drain_timeout "soon": want a duration such as 30s`},
		"bare duration":    {"drain_timeout: 30\n", ":1:16", `drain_timeout "30": want a duration such as 30s`},
		"no boolean":       {"video_public: often\n", ":1:15", "want true or false"},
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

func TestFilesThatLookOddAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark":   "\ufeffregion: odd\n",
		"CRLF":              "region: odd\r\nlisten: ':1'\r\n",
		"header":            "# c\n---\nregion: odd\n",
		"directive":         "%YAML 1.2\n---\nregion: odd\n...\n",
		"header at the end": "region: odd\n---\n# nothing\n",
		"number in quotes":  "region: odd\nvideo_queue: '3'\n",
		"dashes in a value": "region: odd\nroot: '---'\n",
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := Load(Source{Path: write(t, text)}); err != nil || c.Region != "odd" {
				t.Errorf("got region %q, %v", c.Region, err)
			}
		})
	}
	if c, err := Load(Source{Path: write(t, "\ufeff")}); err != nil || c != Default() {
		t.Errorf("a byte order mark alone: %+v, %v", c, err)
	}
}

func TestWrongEnvironmentIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ name, value, want string }{
		"wrong value": {"QUICEDGE_LOG_LEVEL", "loud", `QUICEDGE_LOG_LEVEL: log_level "loud": use debug`},
		"no number":   {"QUICEDGE_VIDEO_WORKERS", "abc", `QUICEDGE_VIDEO_WORKERS: "abc": want a whole number`},
		"no duration": {"QUICEDGE_DRAIN_TIMEOUT", "30", `QUICEDGE_DRAIN_TIMEOUT: "30": want a duration such as 30s`},
		"no boolean":  {"QUICEDGE_VIDEO_PUBLIC", "often", `QUICEDGE_VIDEO_PUBLIC: "often": want true or false`},
		"misspelt":    {"QUICEDGE_LISTN", ":1", "QUICEDGE_LISTN: no setting has this name"},
		"lower case":  {"QUICEDGE_listen", ":1", "QUICEDGE_listen: no setting"},
		"port":        {"QUICEDGE_PORT", "8443", "QUICEDGE_PORT: no setting"},
		"only a key":  {"QUICEDGE_KEY", "k.pem", "QUICEDGE_KEY: key is given without cert"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{Path: write(t, ""), Environ: map[string]string{c.name: c.value}})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestVariablesOfOthersAreLeftAlone(t *testing.T) {
	environ := map[string]string{"LISTN": "x", "QUICEDGE_PORT": "udp://10.0.0.1:443"} // the second is what Kubernetes sets
	for _, name := range []string{
		"ORT_LIB", "FFMPEG", "FFMPEG_PREFIX", "DEBIAN_MIRROR", "REQUIRE_BPF", "SOAK", "TEST_NODE",
		"SERVICE_HOST", "SERVICE_PORT", "ADMIN_SERVICE_PORT_HTTP", "PORT_443_UDP", "PORT_443_UDP_PROTO",
	} {
		environ["QUICEDGE_"+name] = "x"
	}
	if _, err := Load(Source{Path: write(t, ""), Environ: environ}); err != nil {
		t.Error(err)
	}
}

func TestWrongFlagsAreNamed(t *testing.T) {
	for flag, want := range map[string]string{
		"--listen=x":           "--listen: ",
		"--key=x":              "--key: key is given without cert",
		"--cert=x":             "--cert: cert is given without key",
		"--drain-timeout=-5ms": "--drain-timeout: drain_timeout -5ms",
	} {
		var bound Config
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		bound.NodeFlags(flags)
		if err := flags.Parse([]string{flag}); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Source{Path: write(t, ""), Flags: flags}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", flag, err, want)
		}
	}
	bound := Default()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bound.NodeFlags(flags)
	if err := flags.Parse([]string{"--drain-timeout", "30"}); err == nil || !strings.HasSuffix(err.Error(), "want a duration such as 30s") {
		t.Errorf("got %v", err)
	}
}

func TestMissingFileIsAnErrorWhereItWasNamed(t *testing.T) {
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
