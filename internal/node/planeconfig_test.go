package node

import (
	"reflect"
	"testing"

	"quicedge/internal/config"
	"quicedge/internal/dataplane"
)

func TestSettingsBecomeTheDataPlanes(t *testing.T) {
	cfg := config.Default()
	want := dataplane.Config{PinDir: cfg.PinDir, Interfaces: []string{"eth0"}, Mode: dataplane.ModeAuto, TableKind: dataplane.TableDIR}
	if got, err := PlaneConfig(cfg, "eth0"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("defaults: %+v, %v", got, err)
	}
	cfg.PinDir, cfg.Ports, cfg.AttachMode, cfg.TableKind = "/sys/fs/bpf/a", "443,8443", "clsact", "trie"
	cfg.Screen, cfg.Mark, cfg.Priority = false, "0x3ff0000", "1:"
	want = dataplane.Config{
		PinDir: "/sys/fs/bpf/a", Interfaces: []string{"eth0"}, Ports: []uint16{443, 8443}, Mode: dataplane.ModeClsact,
		TableKind: dataplane.TableTrie, NoScreen: true, MarkMask: 0x3ff0000, PriorityMajor: 1,
	}
	if got, err := PlaneConfig(cfg, "eth0"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
