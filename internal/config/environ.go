package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

const envPrefix = "QUICEDGE_"

// otherVariables are those with our prefix that are no settings: of native/, of quicedge-video and of the tests, and what
// Kubernetes puts into a pod for a Service whose name begins with quicedge.
var otherVariables = regexp.MustCompile(`^QUICEDGE_(ORT_LIB|FFMPEG(_PREFIX)?|DEBIAN_MIRROR|REQUIRE_BPF|SOAK|TEST_.*` +
	`|(.*_)?SERVICE_(HOST|PORT(_.*)?)|(.*_)?PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// readEnvironment sets what the environment says. A variable that is misspelt is refused, as a key in the file is.
func readEnvironment(environ map[string]string, c *Config) error {
	if name := unknownVariable(environ); name != "" {
		return &Error{Where: name, Reason: "no setting has this name: use " + envPrefix + " and a key of quicedge.yaml in capitals, such as QUICEDGE_LISTEN, or unset it"}
	}
	err := env.ParseWithOptions(c, env.Options{Environment: environ, Prefix: envPrefix})
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if errors.As(err, &all) && len(all.Errors) > 0 {
		err = all.Errors[0]
	}
	var parse env.ParseError
	errors.As(err, &parse)
	if field, ok := reflect.TypeFor[Config]().FieldByName(parse.Name); ok {
		name := variable(field)
		return &Error{Where: name, Reason: fmt.Sprintf("%q: want %s", environ[name], wanted(field.Type))}
	}
	return fmt.Errorf("read environment: %w", err)
}

func variable(f reflect.StructField) string { return envPrefix + f.Tag.Get("env") }

// unknownVariable returns the first name, by the alphabet, that has our prefix and no use.
func unknownVariable(environ map[string]string) string {
	known := map[string]bool{}
	for f := range reflect.TypeFor[Config]().Fields() {
		known[variable(f)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(environ)) {
		if strings.HasPrefix(name, envPrefix) && !known[name] && !otherVariables.MatchString(name) && !linkToService(name, environ[name]) {
			return name
		}
	}
	return ""
}

// linkToService recognizes the one variable of a Kubernetes Service whose name alone could be a mistake: QUICEDGE_PORT=tcp://...
func linkToService(name, value string) bool {
	return strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
