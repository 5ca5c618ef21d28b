package dataplane

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the way into child processes: those that are killed, and those that run with fewer rights.
func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		os.Exit(runChild(name))
	}
	goleak.VerifyTestMain(m)
}
