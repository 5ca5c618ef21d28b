package doctor

import (
	"errors"
	"testing"

	"quicedge/internal/dataplane"
)

func TestGatherSeesThisHost(t *testing.T) {
	f := Gather(Question{PinDir: "/sys/fs/bpf/quicedge-nothing", Interfaces: []string{"lo", "nope0"}})
	if f.Kernel == "" || len(f.Features) != 10 || len(f.Capabilities) != 4 || f.Pins.Exists {
		t.Errorf("got %+v", f)
	}
	if len(f.Devices) != 1 || f.Devices[0].Name != "lo" || f.Devices[0].MTU < 1280 || !errors.Is(f.DeviceErr, dataplane.ErrNoInterface) {
		t.Errorf("devices %+v, %v", f.Devices, f.DeviceErr)
	}
	if _, ok := f.number(rpFilter("lo")); !ok {
		t.Errorf("no rp_filter of lo in %v", f.Sysctls)
	}
	if _, ok := readSysctl("net.ipv4.no_such_setting"); ok {
		t.Error("a setting that is not there was read")
	}
	seen := map[string]bool{}
	for _, one := range Examine(f) {
		if seen[one.Check] || one.Level != OK && one.Cure == "" {
			t.Errorf("%+v is twice there, or without a cure", one)
		}
		seen[one.Check] = true
	}
}
