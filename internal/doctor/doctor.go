// Package doctor judges whether a host is fit for the data plane: it gathers facts, and says of each what is found, how bad
// that is, and what to do. Judging is pure; Gather alone touches the host, and changes nothing of it.
package doctor

import (
	"errors"
	"fmt"
	"slices"

	"quicedge/internal/dataplane"
)

// Level is how bad a finding is.
type Level string

// Levels, in rising order.
const (
	OK      Level = "ok"
	Warning Level = "warning" // it works, and could be better
	Problem Level = "problem" // something does not work
)

// Finding is the outcome of one check. It is a public interface: fields are added, never renamed.
type Finding struct {
	Check string `json:"check"` // what was looked at, such as "kernel", "feature tcx" or "sysctl net.core.rmem_max"
	Level Level  `json:"level"`
	Found string `json:"found"`
	Cure  string `json:"cure,omitempty"` // a command line, or what to do; empty where the level is ok
}

// State is what all findings come to.
type State string

// States, in rising order of what they stand above.
const (
	Fit          State = "ok"            // warnings at most
	Degraded     State = "degraded"      // a problem
	NotPermitted State = "not-permitted" // without rights the kernel's features cannot be asked for
	Unsupported  State = "unsupported"   // the kernel lacks what no setting replaces
)

// Examine judges facts: what the kernel has first, then rights, pins, settings and devices.
func Examine(f Facts) []Finding {
	return slices.Concat(f.kernel(), f.features(), f.rights(), f.pins(), f.sysctls(), f.table(), f.devices(), f.fences())
}

// StateOf returns what a host's facts come to.
func StateOf(f Facts) State {
	asked := map[error]bool{}
	attach := map[error]int{}
	for _, feature := range f.Features {
		for _, sentinel := range []error{dataplane.ErrUnsupported, dataplane.ErrNotPermitted} {
			if !errors.Is(feature.Err, sentinel) {
				continue
			}
			if way(feature.Name) {
				attach[sentinel]++
			} else if needed(feature.Name) {
				asked[sentinel] = true
			}
		}
	}
	switch {
	case asked[dataplane.ErrUnsupported], attach[dataplane.ErrUnsupported] == 2:
		return Unsupported
	case asked[dataplane.ErrNotPermitted]:
		return NotPermitted
	case slices.ContainsFunc(Examine(f), func(found Finding) bool { return found.Level == Problem }):
		return Degraded
	}
	return Fit
}

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, Level: OK, Found: fmt.Sprintf(format, args...)}
}

func warning(check, found, cure string) Finding { return Finding{check, Warning, found, cure} }

func problem(check, found, cure string) Finding { return Finding{check, Problem, found, cure} }
