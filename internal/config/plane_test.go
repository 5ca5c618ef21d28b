package config

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestMarkAndPriorityAreReadAsTheKernelAndTCWriteThem(t *testing.T) {
	for text, want := range map[string]uint32{"": 0, "0x3ff": 0x3ff, "0x3ff0000": 0x3ff0000, "67043328": 0x3ff0000, "0xffc00000": 0xffc00000, "0xffffffff": 0xffffffff} {
		if got, err := (Config{Mark: text}).MarkMask(); err != nil || got != want {
			t.Errorf("mark %q: %#x, %v", text, got, err)
		}
	}
	for text, want := range map[string]uint16{"": 0, "1:": 1, "1": 1, "10:": 0x10, "0x8001:": 0x8001, "fffe:": 0xfffe} {
		if got, err := (Config{Priority: text}).PriorityMajor(); err != nil || got != want {
			t.Errorf("priority %q: %#x, %v", text, got, err)
		}
	}
}

func TestWrongPlaneSettingsNameFlagAndCure(t *testing.T) {
	for flag, want := range map[string]string{
		"--mode=xdp":         `--mode: attach_mode "xdp": use auto, tcx or clsact`,
		"--mode=":            `--mode: attach_mode "": use auto`,
		"--table-kind=hash":  `--table-kind: table_kind "hash": use dir or trie`,
		"--mark=0x1ff":       `--mark: mark "0x1ff": 9 bits are set: a class needs 10 or more in a row; use such as 0x3ff0000`,
		"--mark=0x7fd0000":   `--mark: mark "0x7fd0000": 10 bits are set: a class needs 10 or more in a row`,
		"--mark=0":           `--mark: mark "0": 0 bits are set`,
		"--mark=0x3ff000000": `--mark: mark "0x3ff000000": not a number of 32 bits`,
		"--mark=all":         `--mark: mark "all": not a number`,
		"--priority=0:":      `--priority: priority "0:": not the major number of a tc handle; use such as 1:`,
		"--priority=1:1":     `--priority: priority "1:1": not the major`,
		"--priority=ffff:":   `--priority: priority "ffff:": not the major`,
		"--priority=x":       `--priority: priority "x": not the major`,
	} {
		var bound Config
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		bound.PlaneFlags(flags)
		if err := flags.Parse([]string{flag}); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Source{Path: write(t, ""), Flags: flags}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", flag, err, want)
		}
	}
}

func TestPlaneSettingsComeFromFileEnvironmentAndFlags(t *testing.T) {
	path := write(t, "attach_mode: tcx\nmark: 0x3ff0000\npriority: 1\nscreen: false\n")
	var bound Config
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	bound.PlaneFlags(flags)
	if err := flags.Parse([]string{"--mode", "clsact"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Source{Path: path, Flags: flags, Environ: map[string]string{"QUICEDGE_TABLE_KIND": "trie"}})
	if err != nil {
		t.Fatal(err)
	}
	mask, maskErr := c.MarkMask()
	major, majorErr := c.PriorityMajor()
	if maskErr != nil || majorErr != nil || mask != 0x3ff0000 || major != 1 || c.AttachMode != "clsact" || c.TableKind != "trie" || c.Screen {
		t.Errorf("got %+v: %#x %v, %d %v", c, mask, maskErr, major, majorErr)
	}
}

func TestAPinFolderIsNamedFromTheRoot(t *testing.T) {
	for _, value := range []string{"quicedge", "./bpf/quicedge", "~/pins"} {
		path := write(t, "region: a\npin_dir: "+value+"\n")
		if _, err := Load(Source{Path: path}); err == nil || !strings.HasPrefix(err.Error(), path+":2:10: ") || !strings.Contains(err.Error(), "write such as /sys/fs/bpf/quicedge") {
			t.Errorf("%s: got %v", value, err)
		}
	}
}
