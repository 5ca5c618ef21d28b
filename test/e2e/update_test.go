package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// update asks the node to change what it runs, and returns the answer.
func (n *node) update(body string) (status int, text string) {
	n.t.Helper()
	resp, err := n.operator().Post("http://localhost:8080/v1/update", "application/json", strings.NewReader(body))
	if err != nil {
		n.t.Fatalf("update %s: %v\n%s", body, err, n.stderr)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatalf("update %s: %v", body, err)
	}
	return resp.StatusCode, string(answer)
}

// TestAnOperatorUpdatesProgramAndTables asks for it by HTTP; a client that was there before notices nothing of what is refused, and
// nothing of what is done.
func TestAnOperatorUpdatesProgramAndTables(t *testing.T) {
	prefixes := filepath.Join(t.TempDir(), "p.csv")
	write := func(text string) {
		if err := os.WriteFile(prefixes, []byte("prefix,province_id,isp\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("198.51.100.0/24,23,CMCC")
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.WriteFile(open, nil, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	n := startWorkers(t, "--prefixes", prefixes)
	program := nobodysCopy(t, &node{}) // where only root may change it, wherever it was built
	client, err := surf(t, n.ns)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, table, body string
		status            int
		want              string
	}{
		{"tables", "198.51.100.0/24,53,CMCC", `{"tables":true}`, http.StatusOK, `"updated":["tables"]`},
		{"a wrong table", "198.51.100.0/99,53,CMCC", `{"tables":true}`, http.StatusUnprocessableEntity, `tables_refused`},
		{"a program beside a wrong table", "198.51.100.0/99,53,CMCC", `{"tables":true,"program":"` + program + `"}`, http.StatusUnprocessableEntity, `tables_refused`},
		{"a program that cannot read its table", "198.51.100.0/99,53,CMCC", `{"program":"` + program + `"}`, http.StatusBadGateway, "p.csv:2"},
		{"a program that others may change", "198.51.100.0/24,53,CMCC", `{"program":"` + open + `"}`, http.StatusForbidden, "program_refused"},
		{"a program that ends", "198.51.100.0/24,53,CMCC", `{"program":"` + bad + `"}`, http.StatusBadGateway, "exit status 9"},
		{"a program that is not there", "198.51.100.0/24,53,CMCC", `{"program":"/nowhere/quicedge"}`, http.StatusBadGateway, "no such file"},
	} {
		write(c.table)
		if status, text := n.update(c.body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", c.what, status, text)
		}
		if err := client.get(); err != nil {
			t.Fatalf("after %s: %v", c.what, err)
		}
		if a := n.lookup("198.51.100.7"); a.ProvinceID != 53 {
			t.Errorf("after %s: %+v", c.what, a)
		}
	}

	status, text := n.update(`{"program":"` + program + `","tables":true}`)
	var answer struct {
		Updated []string
		Process int
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || len(answer.Updated) != 2 || answer.Process == 0 {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	t.Cleanup(func() { syscall.Kill(answer.Process, syscall.SIGKILL) }) // fails where the test has ended it
	if err := errors.Join(client.rebind(), client.get()); err != nil {
		t.Error(err)
	}
	client.close()
	n.gone(n.cmd.Process.Pid)
	syscall.Kill(answer.Process, syscall.SIGTERM)
	n.gone(answer.Process)
}
