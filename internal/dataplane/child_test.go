package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// childNoBPFFS loads in a mount namespace where there is no BPF file system.
const childNoBPFFS = "load without bpffs"

// childTrie loads tables of another kind than a load does without being told.
const childTrie = "load tries"

// Names of the environment in which the test binary runs as a child.
const (
	childEnv   = "QUICEDGE_TEST_CHILD"  // what to do
	childPins  = "QUICEDGE_TEST_PINS"   // the pin folder
	childDev   = "QUICEDGE_TEST_DEVICE" // the device
	childMode  = "QUICEDGE_TEST_MODE"   // how to attach
	childKill  = "QUICEDGE_TEST_KILL"   // the step at which to die, counted from 1; 0: never
	childSteps = "QUICEDGE_TEST_STEPS"  // how many steps a server takes before it dies
	childCaps  = "QUICEDGE_TEST_CAPS"   // the capabilities to keep, as text; empty: all
)

// child runs this binary again, in the edge's namespace.
func (l *lab) child(attr *syscall.SysProcAttr, env ...string) (output string, err error) {
	l.t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childPins+"="+l.cfg.PinDir, childDev+"="+strings.Join(l.cfg.Interfaces, ","), childMode+"="+string(l.cfg.Mode))
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = attr
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	l.do(func() { err = cmd.Start() }) // it inherits the thread's network namespace
	if err != nil {
		l.t.Fatal(err)
	}
	err = cmd.Wait()
	return out.String(), err
}

// runChild does in the child what the parent asked for, and returns the exit status.
func runChild(name string) int {
	cfg := Config{PinDir: os.Getenv(childPins), Interfaces: strings.Split(os.Getenv(childDev), ","), Mode: Mode(os.Getenv(childMode)), step: dieAt(os.Getenv(childKill))}
	if err := hideBPFFS(name); err != nil {
		fmt.Println(err)
		return 2
	}
	if err := keepOnly(os.Getenv(childCaps)); err != nil {
		fmt.Println(err)
		return 2
	}
	var err error
	switch name {
	case "load", childNoBPFFS:
		err = childLoad(cfg)
	case childTrie:
		cfg.TableKind = TableTrie
		err = childLoad(cfg)
	case "hold":
		err = childHold(cfg)
	case "steer":
		err = childSteer(os.Getenv(childSteps))
	case "keep":
		err = childKeep(cfg)
	case "ready":
		err = childReady(cfg)
	case "unload":
		err = Unload(context.Background(), cfg)
	default:
		err = errors.New("no such child: " + name)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func childLoad(cfg Config) error {
	p, err := Load(context.Background(), cfg, testSnapshot(new(testing.T)))
	if err != nil {
		return err
	}
	if m, err := p.Lookup(harbin4); err != nil || m.Class != heilongjiang {
		return fmt.Errorf("look up %s: %v, %w", harbin4, m, err)
	}
	if _, err := p.Stats(); err != nil {
		return err
	}
	return p.Close()
}

// childHold dies by SIGKILL while it holds the data plane.
func childHold(cfg Config) error {
	cfg.Hold = true
	if _, err := Load(context.Background(), cfg, testSnapshot(new(testing.T))); err != nil {
		return err
	}
	if err := Unload(context.Background(), cfg); !errors.Is(err, ErrInUse) {
		return fmt.Errorf("unload while it is held: %w", err)
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// childKeep loads, gives up every capability as a serving node does, and keeps the profiles.
func childKeep(cfg Config) error {
	cfg.Hold = true
	snap := testSnapshot(new(testing.T))
	p, err := Load(context.Background(), cfg, snap)
	if err != nil {
		return err
	}
	if err := keepOnly("="); err != nil {
		return err
	}
	narrow := path.NewProfile(mtu.Effective{MTU: 1300, Source: mtu.SourceLearned})
	err = errors.Join(p.Update(heilongjiang, narrow), p.Delete(gansu))
	_, rttErr := p.RTT()
	_, toldErr := PathMTUs()
	if err = errors.Join(err, rttErr, toldErr, p.Ready()); err != nil {
		return err
	}
	if got := p.profiles.load(heilongjiang); got != narrow {
		return fmt.Errorf("the kernel has %+v", got)
	}
	if n, err := p.Prune(snap); err != nil || n != 2 {
		return fmt.Errorf("%d profiles differed, %w", n, err)
	}
	return nil
}

func childReady(cfg Config) error {
	p, err := Open(cfg.PinDir)
	if err != nil {
		return err
	}
	return errors.Join(p.Ready(), p.Close())
}

// dieAt kills the process by SIGKILL when it comes to a step.
func dieAt(step string) func(string) {
	left, _ := strconv.Atoi(step)
	return func(name string) {
		if left--; left == 0 {
			fmt.Println(name)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// hideBPFFS unmounts the BPF file system in the child's own mount namespace.
func hideBPFFS(name string) error {
	if name != childNoBPFFS {
		return nil
	}
	return unix.Unmount(bpffsRoot, unix.MNT_DETACH)
}

func keepOnly(caps string) error {
	if caps == "" {
		return nil
	}
	set, err := cap.FromText(caps)
	if err != nil {
		return err
	}
	return set.SetProc()
}
