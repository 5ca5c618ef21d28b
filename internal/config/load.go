package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/spf13/pflag"
)

// DefaultPath is the file that is read where none is named, if it is there.
const DefaultPath = "/etc/quicedge/quicedge.yaml"

const envPrefix = "QUICEDGE_"

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
	if err := env.ParseWithOptions(&c, env.Options{Environment: src.Environ, Prefix: envPrefix}); err != nil {
		return c, envError(err)
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
	return name, text, nil
}

func decode(name string, text []byte, c *Config) error {
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	err := yaml.UnmarshalWithOptions(text, c, yaml.Strict())
	if err == nil {
		return nil
	}
	var wrongType *yaml.TypeError
	var positioned yaml.Error
	reason := err.Error()
	switch {
	case errors.As(err, &wrongType):
		reason = fmt.Sprintf("want a value of type %s, got %s", wrongType.DstType, wrongType.Token.Value)
	case errors.As(err, &positioned):
		reason = positioned.GetMessage()
	}
	where := name
	if errors.As(err, &positioned) && positioned.GetToken() != nil {
		where = at(name, positioned.GetToken())
	} else if t := badDuration(text); t != nil {
		where = at(name, t)
	}
	return &Error{Where: where, Reason: reason + "; see the commented quicedge.yaml for every key"}
}

func at(name string, t *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// badDuration finds the value that made time.ParseDuration fail, whose error has no position.
func badDuration(text []byte) *token.Token {
	for f := range reflect.TypeFor[Config]().Fields() {
		t := find(text, f.Tag.Get("yaml"))
		if t == nil || f.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		if _, err := time.ParseDuration(t.Value); err != nil {
			return t
		}
	}
	return nil
}

// find returns the value of a top-level key.
func find(text []byte, key string) *token.Token {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil
	}
	path, err := yaml.PathString("$." + key)
	if err != nil {
		return nil
	}
	node, err := path.FilterFile(file)
	if err != nil || node == nil {
		return nil
	}
	return node.GetToken()
}

func envError(err error) error {
	var parse env.ParseError
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	if errors.As(err, &parse) {
		return &Error{Where: "environment, field " + parse.Name, Reason: parse.Err.Error()}
	}
	return fmt.Errorf("read environment: %w", err)
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
	var err error
	given.Visit(func(f *pflag.Flag) {
		if bound.Lookup(f.Name) != nil && err == nil {
			err = bound.Set(f.Name, f.Value.String())
		}
	})
	return err
}

// locate says which source set a key.
func locate(key, path string, text []byte, src Source) string {
	flag := strings.ReplaceAll(key, "_", "-")
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
