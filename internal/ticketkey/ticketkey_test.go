package ticketkey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var day = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func keysAt(t *testing.T, s Set, at time.Time) [][32]byte {
	t.Helper()
	keys, err := s.TicketKeys(at)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func created(t *testing.T, now time.Time) (string, Set) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := Create(path, now); err != nil {
		t.Fatal(err)
	}
	s, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, s
}

func TestKeysRotateAndOpenTicketsForADayAtLeast(t *testing.T) {
	_, s := created(t, day)
	sealing := keysAt(t, s, day)[0]
	for after, want := range map[time.Duration]struct{ seals, opens bool }{
		0: {true, true}, 5 * time.Hour: {true, true}, 6 * time.Hour: {false, true}, 24 * time.Hour: {false, true},
		29 * time.Hour: {false, true}, Kept: {false, false}, -7 * time.Hour: {false, true},
	} {
		keys := keysAt(t, s, day.Add(after))
		if got := keys[0] == sealing; got != want.seals {
			t.Errorf("after %s: seals %v", after, got)
		}
		if got := slices.Contains(keys, sealing); got != want.opens {
			t.Errorf("after %s: opens %v", after, got)
		}
	}
	if next := s.NextChange(day); !next.Equal(day.Add(6 * time.Hour)) {
		t.Errorf("next change at %s", next)
	}
}

func TestUsesHaveKeysOfTheirOwn(t *testing.T) {
	_, s := created(t, day)
	token, err := s.TokenKey()
	if err != nil {
		t.Fatal(err)
	}
	reset, err := s.ResetKey()
	if err != nil {
		t.Fatal(err)
	}
	all := append(keysAt(t, s, day), token, reset, s.Node, s.Tickets[0].Key)
	for i, k := range all {
		if slices.Contains(all[:i], k) || k == [32]byte{} {
			t.Errorf("key %d is another's, or none", i)
		}
	}
	again, err := Parse(s.Text(), "again")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := again.TokenKey(); err != nil || other != token {
		t.Errorf("the same file makes another token key: %v", err)
	}
}

func TestSecretIsAnnouncedBeforeItSeals(t *testing.T) {
	path, s := created(t, day)
	now := day.Add(Fresh)
	for want, at := range map[bool]time.Time{false: now.Add(-time.Second), true: now} {
		if wrote, err := Rotate(path, at, Fresh); err != nil || wrote != want {
			t.Fatalf("rotated at %s: %v, %v", at, wrote, err)
		}
	}
	next, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(next.Tickets) != 2 || next.Tickets[0] != s.Tickets[0] || next.Node != s.Node {
		t.Fatalf("%d secrets; the old ones are kept: %v", len(next.Tickets), next.Tickets[0] == s.Tickets[0])
	}
	before, after := keysAt(t, next, now), keysAt(t, next, now.Add(lead))
	if before[0] != keysAt(t, s, now)[0] || after[0] == before[0] {
		t.Error("the new secret does not begin when it should")
	}
	if !slices.Contains(before, after[0]) || !slices.Contains(after, before[0]) {
		t.Error("one of the two opens no tickets of the other")
	}
	if change := next.NextChange(now); !change.Equal(now.Add(lead)) {
		t.Errorf("next change at %s", change)
	}
}

func TestOldSecretsAreForgotten(t *testing.T) {
	path, _ := created(t, day)
	var first, last Set
	for n := range 30 {
		now := day.Add(time.Duration(n+1) * (Fresh + lead))
		if _, err := Rotate(path, now, Fresh); err != nil {
			t.Fatal(err)
		}
		s, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = s
		}
		last = s
	}
	if len(last.Tickets) > 2 || slices.Contains(last.Tickets, first.Tickets[1]) {
		t.Errorf("%d secrets are kept", len(last.Tickets))
	}
}

func TestOneOfManyCreatorsAndRotatorsWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	var all sync.WaitGroup
	made := make(chan error, 16)
	for range cap(made) {
		all.Go(func() { made <- Create(path, day) })
	}
	all.Wait()
	close(made)
	winners := 0
	for err := range made {
		if err == nil {
			winners++
		} else if !errors.Is(err, ErrExists) {
			t.Error(err)
		}
	}
	wrote := make(chan bool, 16)
	for range cap(wrote) {
		all.Go(func() {
			did, err := Rotate(path, day.Add(Fresh), Fresh)
			if err != nil {
				t.Error(err)
			}
			wrote <- did
		})
	}
	all.Wait()
	close(wrote)
	rotated := 0
	for did := range wrote {
		if did {
			rotated++
		}
	}
	if winners != 1 || rotated != 1 {
		t.Errorf("%d created the file, %d rotated it", winners, rotated)
	}
	if left, err := filepath.Glob(path + ".new-*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWrongFilesAreRefusedWithoutTheirKeys(t *testing.T) {
	_, s := created(t, day)
	good := string(s.Text())
	node, key := fmt.Sprintf("%x", s.Node[:]), fmt.Sprintf("%x", s.Tickets[0].Key[:])
	line := "ticket 2026-03-01T06:00:00Z " + key + "\n"
	for name, tt := range map[string]struct{ text, want string }{
		"good":               {good, ""},
		"with remarks":       {"# a remark\r\n\n" + strings.ReplaceAll(good, "\n", "\r\n"), ""},
		"empty":              {"", "cut short"},
		"cut short":          {strings.TrimSuffix(good, "end\n"), "cut short"},
		"cut within a key":   {good[:len(good)-20], "64 hexadecimal digits"},
		"something after":    {good + line, "nothing may follow"},
		"another file":       {"-----BEGIN PRIVATE KEY-----\n", "no key file"},
		"a later version":    {strings.Replace(good, " 1\n", " 2\n", 1), "no key file"},
		"no ticket secret":   {strings.Replace(good, line, "", 1), "needs a node key and a ticket secret"},
		"no node key":        {strings.Replace(good, "node "+node+"\n", "", 1), "needs a node key and a ticket secret"},
		"two node keys":      {strings.Replace(good, "node ", "node "+node+"\nnode ", 1), "node KEY (once)"},
		"a key too short":    {strings.Replace(good, key, key[:62], 1), "64 hexadecimal digits"},
		"a key of zeros":     {strings.Replace(good, key, strings.Repeat("00", 32), 1), "no secret"},
		"no time":            {strings.Replace(good, "2026-03-01T06:00:00Z", "today", 1), "want ticket FROM KEY"},
		"times out of order": {strings.Replace(good, line, line+line, 1), "order of their times"},
		"an unknown line":    {strings.Replace(good, "end\n", "more\nend\n", 1), "want node KEY"},
	} {
		_, err := Parse([]byte(tt.text), "file")
		switch {
		case (err == nil) != (tt.want == ""):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case err != nil && (strings.Contains(err.Error(), node[:16]) || strings.Contains(err.Error(), key[:16])):
			t.Errorf("%s: the error tells the key", name)
		}
	}
	if text := fmt.Sprintf("%v %s", s.Node, s.Tickets); strings.Contains(text, node[:16]) || strings.Contains(text, key[:16]) {
		t.Error("a key can be logged")
	}
}

func TestTooManySecretsAreRefused(t *testing.T) {
	_, s := created(t, day)
	for n := range maxTickets {
		s.Tickets = append(s.Tickets, Secret{day.Add(time.Duration(n+1) * time.Hour), s.Tickets[0].Key})
	}
	if _, err := Parse(s.Text(), "file"); err == nil {
		t.Error("taken")
	}
}

func TestFilesThatAreNotTheNodesAloneAreRefused(t *testing.T) {
	path, _ := created(t, day)
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); (err == nil) != ok {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	for _, wrong := range []string{filepath.Dir(path), path + ".none"} {
		if _, err := Read(wrong); err == nil || !strings.Contains(err.Error(), "quicedge keys new") {
			t.Errorf("%s: %v, want what to do", wrong, err)
		}
	}
}

// A ring in use, while its file is exchanged, broken and mended.
func TestRingKeepsItsKeysThroughBrokenFiles(t *testing.T) {
	path, old := created(t, day)
	ring, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	changed := make(chan error)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ring.Watch(ctx, time.Millisecond, func(err error) {
			select {
			case changed <- err:
			case <-ctx.Done():
			}
		})
	}()
	text := old.Text()
	for name, broken := range map[string][]byte{"half": text[:len(text)/2], "wrong": []byte("hello"), "empty": {}} {
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := <-changed; err == nil || ring.Set().Tickets[0] != old.Tickets[0] {
			t.Errorf("%s: %v; the old keys are kept: %v", name, err, ring.Set().Tickets[0] == old.Tickets[0])
		}
	}
	next := old
	next.Tickets = append(slices.Clone(old.Tickets), Secret{day.Add(time.Hour), Key{1, 2, 3}})
	if err := place(path, next, os.Rename); err != nil {
		t.Fatal(err)
	}
	for err := range changed {
		if err == nil {
			break
		}
	}
	if got := ring.Set().Tickets; len(got) != 2 {
		t.Errorf("%d secrets after the exchange", len(got))
	}
	other := next
	other.Node = Key{9, 9, 1}
	if err := place(path, other, os.Rename); err != nil {
		t.Fatal(err)
	}
	if err := <-changed; err == nil || !strings.Contains(err.Error(), "restart") || ring.Set().Node != old.Node {
		t.Errorf("another node key: %v", err)
	}
	cancel()
	<-watched
}

func TestOwnFileIsMadeOnceAndRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first, err := OpenOwn(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenOwn(path)
	if err != nil {
		t.Fatal(err)
	}
	if first.Set().Node != second.Set().Node {
		t.Error("two processes of a node have different keys")
	}
	later := time.Now().Add(2 * Fresh)
	first.now = func() time.Time { return later }
	if fresh, err := first.look(); err != nil || !fresh || len(first.Set().Tickets) != 2 {
		t.Errorf("looked: %v, %v, %d secrets", fresh, err, len(first.Set().Tickets))
	}
	if fresh, err := second.look(); err != nil || !fresh || len(second.Set().Tickets) != 2 {
		t.Errorf("the other process: %v, %v, %d secrets", fresh, err, len(second.Set().Tickets))
	}
	if err := os.WriteFile(path, []byte("not keys"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenOwn(path); err == nil {
		t.Error("a file that is no key file is replaced")
	}
}
