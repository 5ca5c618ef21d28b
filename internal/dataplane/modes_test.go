package dataplane

import (
	"fmt"
	"testing"

	"quicedge/internal/netnstest"
)

// inEachMode runs a test with a lab for each way to attach that the kernel has, at the same time. In short tests, which run in
// emulation, it is the way that a load takes by itself.
func inEachMode(t *testing.T, test func(*testing.T, *lab)) {
	t.Helper()
	netnstest.NeedBPF(t)
	all := modes(t)
	if testing.Short() {
		all = all[:1]
	}
	for _, mode := range all {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.cfg.Mode = mode
			test(t, l)
		})
	}
}

// modes are the ways to attach that the kernel has, the best first. From Linux 6.6 on it must have both.
func modes(t testing.TB) []Mode {
	t.Helper()
	err := haveTCX()
	if err == nil {
		return []Mode{ModeTCX, ModeClsact}
	}
	var major, minor int
	if _, scanErr := fmt.Sscanf(release(), "%d.%d", &major, &minor); scanErr != nil || major > 6 || major == 6 && minor >= 6 {
		t.Fatalf("no tcx on Linux %s: %v", release(), err)
	}
	return []Mode{ModeClsact}
}
