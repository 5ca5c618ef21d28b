package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// DefaultPath is the file that is read where none is named, if it is there.
const DefaultPath = "/etc/quicedge/quicedge.yaml"

// byteOrderMark is what some editors begin a UTF-8 file with. It says nothing and takes no column.
const byteOrderMark = "\ufeff"

// Error is a wrong setting and where it was made.
type Error struct {
	Where  string // "quicedge.yaml:12:9", "QUICEDGE_LISTEN" or "--listen"
	Reason string
}

func (e *Error) Error() string { return e.Where + ": " + e.Reason }

// Source is where settings come from, weakest first.
type Source struct {
	Path    string            // YAML file; "" is DefaultPath, which may be missing
	Environ map[string]string // QUICEDGE_LISTEN=:8443 sets listen
	Flags   *pflag.FlagSet    // only flags that were given count; nil for none
}

// Load reads and checks the settings. An *Error names file, line and column, environment variable or flag.
func Load(src Source) (Config, error) {
	c := Default()
	path, text, err := readFile(src.Path)
	if err != nil {
		return c, err
	}
	if err := decode(path, text, &c); err != nil {
		return c, err
	}
	if err := readEnvironment(src.Environ, &c); err != nil {
		return c, err
	}
	if err := applyFlags(&c, src.Flags); err != nil {
		return c, err
	}
	if wrong := c.validate(); wrong != nil {
		return c, &Error{Where: locate(wrong.key, path, text, src), Reason: wrong.reason}
	}
	return c, nil
}

func readFile(path string) (name string, text []byte, err error) {
	name = path
	if name == "" {
		name = DefaultPath
	}
	text, err = os.ReadFile(name)
	if path == "" && errors.Is(err, os.ErrNotExist) {
		return name, nil, nil
	}
	if err != nil {
		return name, nil, fmt.Errorf("read configuration: %w", err)
	}
	return name, bytes.TrimPrefix(text, []byte(byteOrderMark)), nil
}

// applyFlags sets again on c the flags that were given while another Config was bound to them.
func applyFlags(c *Config, given *pflag.FlagSet) error {
	if given == nil {
		return nil
	}
	bound := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.StateFlags(bound)
	c.TableFlags(bound)
	c.VideoFlags(bound)
	c.NodeFlags(bound)
	c.PlaneFlags(bound)
	var err error
	given.Visit(func(f *pflag.Flag) {
		if bound.Lookup(f.Name) != nil && err == nil {
			err = bound.Set(f.Name, f.Value.String())
		}
	})
	return err
}

// flagOf names the flag of a key in the file.
func flagOf(key string) string {
	if key == "attach_mode" {
		return "mode"
	}
	return strings.ReplaceAll(key, "_", "-")
}

// locate says which source set a key.
func locate(key, path string, text []byte, src Source) string {
	flag := flagOf(key)
	if src.Flags != nil && src.Flags.Changed(flag) {
		return "--" + flag
	}
	if name := envPrefix + strings.ToUpper(key); src.Environ[name] != "" {
		return name
	}
	if t := find(text, key); t != nil {
		return at(path, t)
	}
	return "default of " + key
}
