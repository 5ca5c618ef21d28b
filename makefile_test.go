package quicedge_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRecipesParse gives every recipe of the Makefile to the shell that would run it, without running it.
func TestRecipesParse(t *testing.T) {
	for _, target := range []string{"run", "test", "test-kernels", "build", "generate", "check-generate", "bench", "bench-http", "lab", "soak", "lint", "clean", "help"} {
		recipe, err := exec.Command("make", "--no-print-directory", "-n", target).Output()
		if err != nil || len(recipe) == 0 {
			t.Errorf("make -n %s: %v", target, err)
			continue
		}
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(string(recipe))
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
}
