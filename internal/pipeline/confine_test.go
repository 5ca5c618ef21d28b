package pipeline_test

import (
	"strings"
	"testing"

	"quicedge/internal/pipeline"
)

func TestEveryFenceOfAWorkerStandsOnThisKernel(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	fences := p.Fences()
	if len(fences) != 3 {
		t.Fatalf("fences are %v", fences)
	}
	for _, f := range fences {
		if f.Missing != "" {
			t.Errorf("%s is missing: %s", f.Name, f.Missing)
		}
	}
}

// What is tried alone, without the filter of system calls, meets the fence behind it.
func TestAConfinedWorkerIsRefusedWhatNoCodecNeeds(t *testing.T) {
	p := newPool(t, pipeline.Config{MaxInput: 1 << 20})
	const killed, failed = "signal: bad system call", "exit status 1"
	for _, tt := range []struct {
		what     string
		unlocked bool
		ended    string
		said     string
	}{
		{what: "work", ended: "exit status 0", said: "allowed"},
		{what: "work", unlocked: true, ended: "exit status 0", said: "allowed"},
		{what: "connect", ended: killed},
		{what: "connect", unlocked: true, ended: failed, said: "network is unreachable"},
		{what: "read-passwd", ended: failed, said: "operation not permitted"},
		{what: "read-passwd", unlocked: true, ended: failed, said: "permission denied"},
		{what: "write-file", ended: failed, said: "operation not permitted"},
		{what: "write-file", unlocked: true, ended: failed, said: "permission denied"},
		{what: "exec", ended: killed},
		{what: "exec", unlocked: true, ended: failed, said: "permission denied"},
		{what: "start", ended: failed, said: "operation not permitted"},
		{what: "fork", ended: failed, said: "operation not permitted"},
		{what: "trace", ended: killed},
		{what: "trace", unlocked: true, ended: failed, said: "operation not permitted"},
		{what: "signal", ended: failed, said: "operation not permitted"},
		{what: "signal", unlocked: true, ended: failed, said: "operation not permitted"},
		{what: "signal-by-tg", ended: failed, said: "operation not permitted"},
		{what: "new-code", ended: failed, said: "operation not permitted"},
		{what: "memory", unlocked: true, ended: failed, said: "cannot allocate memory"},
		{what: "memory", ended: failed, said: "cannot allocate memory"},
		{what: "raise-limit", ended: failed, said: "operation not permitted"},
		{what: "large-file", ended: failed, said: "file too large"},
		{what: "bpf", ended: killed},
		{what: "namespace", ended: killed},
	} {
		name := tt.what
		if tt.unlocked {
			name += ", no filter"
		}
		t.Run(name, func(t *testing.T) {
			said, ended, err := p.Attempt(tt.what, tt.unlocked)
			if err != nil {
				t.Fatal(err)
			}
			if ended != tt.ended || !strings.Contains(said, tt.said) {
				t.Errorf("ended with %q and said %q; want %q and %q", ended, said, tt.ended, tt.said)
			}
		})
	}
}
