package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const largeFile = 32 << 20

// load is clients that connect, ask and download until it is stopped.
type load struct {
	n                            *node
	stopped                      chan struct{}
	clients                      sync.WaitGroup
	connected, asked, downloaded atomic.Int64
}

// startLoaded starts a node under the load of five clients at a time.
func startLoaded(t *testing.T, args ...string) *load {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "large"), make([]byte, largeFile), 0o644); err != nil {
		t.Fatal(err)
	}
	l := &load{n: startWorkers(t, append(args, "--root", root)...), stopped: make(chan struct{})}
	for range 4 {
		l.repeat(l.ask)
	}
	l.repeat(l.download)
	return l
}

// repeat calls f with a new client each time, until it fails or the load is stopped.
func (l *load) repeat(f func(*surfer) error) {
	l.clients.Go(func() {
		for {
			s, err := surf(l.n.t, l.n.ns)
			if err != nil {
				l.n.t.Errorf("connect: %v", err)
				return
			}
			l.connected.Add(1)
			err = f(s)
			s.close()
			if err != nil {
				l.n.t.Error(err)
				return
			}
			select {
			case <-l.stopped:
				return
			default:
			}
		}
	})
}

func (l *load) ask(s *surfer) error {
	for i := range 50 {
		if err := s.get(); err != nil {
			return fmt.Errorf("request %d of a connection: %w", i, err)
		}
		l.asked.Add(1)
	}
	return nil
}

func (l *load) download(s *surfer) error {
	if err := s.download("/large", largeFile); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	l.downloaded.Add(1)
	return nil
}

// stop waits for the clients and says what they did, every bit of which succeeded unless the test has failed.
func (l *load) stop() {
	close(l.stopped)
	l.clients.Wait()
	l.n.t.Logf("%d connections, %d requests, %d downloads of %d MiB", l.connected.Load(), l.asked.Load(), l.downloaded.Load(), largeFile>>20)
}

func TestUpgradesUnderLoadFailNoRequest(t *testing.T) { steeredBy(t, upgradesUnderLoad) }

func upgradesUnderLoad(t *testing.T, iface string) {
	l := startLoaded(t, "--iface", iface, "--keep-timeout", "60s")
	pid := l.n.cmd.Process.Pid
	for range times(3, 100) {
		next := l.n.upgrade()
		l.n.gone(pid)
		pid = next
	}
	l.stop()
	syscall.Kill(pid, syscall.SIGTERM)
	l.n.gone(pid)
}

func TestReloadsUnderLoadFailNoRequest(t *testing.T) { steeredBy(t, reloadsUnderLoad) }

func reloadsUnderLoad(t *testing.T, iface string) {
	l := startLoaded(t, "--iface", iface)
	for range times(10, 1000) {
		if code, _, errs := l.n.run("reload"); code != 0 {
			t.Fatalf("reload: exit %d, %s", code, errs)
		}
	}
	l.stop()
	if code := l.n.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
