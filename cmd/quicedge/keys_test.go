package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/ticketkey"
)

func TestKeyFileIsMadeRotatedAndChecked(t *testing.T) {
	c := newCLI(t)
	file := filepath.Join(c.dir, "keys")
	if code, out, errs := c.run("keys", "new", file); code != exitOK || out != "" {
		t.Fatalf("new: %d, %q, %s", code, out, errs)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	first, err := ticketkey.Read(file)
	if err != nil || len(first.Tickets) != 1 || !first.Tickets[0].From.Equal(began) {
		t.Fatalf("%v, %v", first, err)
	}
	if code, _, errs := c.run("keys", "new", file); code != exitFailed || !strings.Contains(errs, "keys rotate") {
		t.Errorf("new again: %d, %s", code, errs)
	}
	if code, _, errs := c.run("keys", "rotate", "--older-than", "168h", file); code != exitOK || !strings.Contains(errs, "stays as it is") {
		t.Errorf("rotate a fresh one: %d, %s", code, errs)
	}
	if code, _, errs := c.run("keys", "rotate", "--older-than", "0s", file); code != exitOK || errs != "" {
		t.Errorf("rotate: %d, %s", code, errs)
	}
	second, err := ticketkey.Read(file)
	if err != nil || len(second.Tickets) != 2 || second.Node != first.Node || !second.Tickets[1].From.Equal(began.Add(time.Hour)) {
		t.Fatalf("%v, %v", second, err)
	}
	if code, _, errs := c.run("check", "--ticket-keys", file); code != exitOK {
		t.Errorf("check: %d, %s", code, errs)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := c.run("check", "--ticket-keys", file); code != exitFailed || !strings.Contains(errs, "chmod 600") {
		t.Errorf("check a file for all: %d, %s", code, errs)
	}
	for _, args := range [][]string{{"keys"}, {"keys", "burn"}, {"keys", "new"}, {"keys", "rotate", "a", "b"}} {
		if code, _, errs := c.run(args...); code != exitUsage {
			t.Errorf("%v: %d, %s", args, code, errs)
		}
	}
}
