package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

var heilongjiang = class.Of(23, class.CMCC)

// fit are the facts of a host on which nothing is to mend.
func fit() Facts {
	f := Facts{
		Kernel:       "6.12.9-amd64",
		BTF:          true,
		Capabilities: map[string]bool{"CAP_BPF": true, "CAP_NET_ADMIN": true, "CAP_SYS_ADMIN": true, "CAP_NET_BIND_SERVICE": true},
		Pins:         dataplane.PinFolder{Dir: "/sys/fs/bpf/quicedge", OnBPFFS: true, Mountable: true, Exists: true},
		Sysctls: map[string]string{
			"net.core.rmem_max": "7500000", "net.core.wmem_max": "8000000", "net.core.bpf_jit_enable": "1", "kernel.unprivileged_bpf_disabled": "2",
			"net.ipv4.ip_no_pmtu_disc": "0", "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.eth0.rp_filter": "2",
		},
		Fences: Fences{Seccomp: true, Landlock: 4},
		Devices: []dataplane.DeviceFacts{{
			Name: "eth0", Index: 2, Kind: "device", Encap: "ether", MTU: 1500, Up: true,
			Offloads: map[string]dataplane.Offload{"tx-udp-segmentation": {On: true, Changeable: true}, "rx-gro": {On: true, Changeable: true}},
		}},
	}
	for _, name := range []string{
		"tc-programs", "array-of-maps", "mapped-arrays", "lpm-trie", "lru-hash", "socket-filters", "sk-reuseport", "reuseport-arrays", "tcx", "clsact",
	} {
		f.Features = append(f.Features, dataplane.Feature{Name: name, For: "it", Since: "6.6"})
	}
	for _, id := range class.All() {
		f.Profiles[id] = path.NewProfile(mtu.Effective{MTU: 1500, Source: mtu.SourceDefault})
	}
	f.Profiles[heilongjiang] = path.NewProfile(mtu.Effective{MTU: 1372, Source: mtu.SourceCSV})
	return f
}

// without makes the kernel lack features.
func (f *Facts) without(err error, names ...string) {
	for i := range f.Features {
		if slices.Contains(names, f.Features[i].Name) {
			f.Features[i].Err = fmt.Errorf("%w: such as it is", err)
		}
	}
}

func TestNothingIsToMendOnAFitHost(t *testing.T) {
	found := Examine(fit())
	for _, one := range found {
		if one.Level != OK || one.Cure != "" || one.Found == "" || one.Check == "" {
			t.Errorf("%+v", one)
		}
	}
	if got := StateOf(fit()); got != Fit || len(found) < 25 {
		t.Errorf("%s, %d findings", got, len(found))
	}
}

func TestEachFindingNamesWhatIsWrongAndItsCure(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Facts)
		check  string
		level  Level
		found  string
		cure   string
		state  State
	}{
		"old kernel":       {func(f *Facts) { f.Kernel = "5.15.0-91" }, "kernel", Warning, "5.15.0-91 is older than 6.1", "upgrade", Fit},
		"strange kernel":   {func(f *Facts) { f.Kernel = "(unknown)" }, "kernel", Warning, "no number", "uname", Fit},
		"no BTF":           {func(f *Facts) { f.BTF = false }, "btf", Warning, "no /sys/kernel/btf", "CONFIG_DEBUG_INFO_BTF", Fit},
		"no tc programs":   {func(f *Facts) { f.without(dataplane.ErrUnsupported, "tc-programs") }, "feature tc-programs", Problem, "has not got it", "Linux 6.6 or later", Unsupported},
		"no mapped arrays": {func(f *Facts) { f.without(dataplane.ErrUnsupported, "mapped-arrays") }, "feature mapped-arrays", Problem, "has not got it", "Linux 6.6", Unsupported},
		"no steering":      {func(f *Facts) { f.without(dataplane.ErrUnsupported, "sk-reuseport") }, "feature sk-reuseport", Warning, "no it", "Linux 6.6", Fit},
		"no TCX":           {func(f *Facts) { f.without(dataplane.ErrUnsupported, "tcx") }, "feature tcx", OK, "clsact does the same", "", Fit},
		"no clsact":        {func(f *Facts) { f.without(dataplane.ErrUnsupported, "clsact") }, "feature clsact", OK, "tcx does the same", "", Fit},
		"neither":          {func(f *Facts) { f.without(dataplane.ErrUnsupported, "clsact", "tcx") }, "feature clsact", Problem, "has not got it", "modprobe sch_ingress", Unsupported},
		"may not ask":      {func(f *Facts) { f.without(dataplane.ErrNotPermitted, "tc-programs", "tcx") }, "feature tc-programs", Warning, "not known: not permitted", "sudo", NotPermitted},
		"cannot ask":       {func(f *Facts) { f.without(errors.New("out of memory"), "lru-hash") }, "feature lru-hash", Warning, "out of memory", "report", Fit},

		"no CAP_BPF":       {func(f *Facts) { f.Capabilities["CAP_BPF"] = false }, "capability CAP_BPF", Problem, "not in effect", "AmbientCapabilities", Degraded},
		"no CAP_SYS_ADMIN": {func(f *Facts) { f.Capabilities["CAP_SYS_ADMIN"] = false }, "capability CAP_SYS_ADMIN", Warning, "not in effect", "sudo", Fit},

		"bpffs to be mounted": {func(f *Facts) { f.Pins.OnBPFFS = false }, "bpffs", Warning, "the next load mounts one", "mount -t bpf bpf /sys/fs/bpf", Fit},
		"bpffs not mounted":   {func(f *Facts) { f.Pins.OnBPFFS, f.Capabilities["CAP_SYS_ADMIN"] = false, false }, "bpffs", Problem, "on no BPF file system", "mount -t bpf bpf /sys/fs/bpf", Degraded},
		"pins elsewhere":      {func(f *Facts) { f.Pins.OnBPFFS, f.Pins.Mountable = false, false }, "bpffs", Problem, "on no BPF file system", "mount", Degraded},
		"nothing loaded":      {func(f *Facts) { f.Pins.Exists = false }, "pin folder", OK, "nothing is loaded", "", Fit},
		"open to others":      {func(f *Facts) { f.Pins.Owned = errors.New("mode 0755 lets others in") }, "pin folder", Problem, "0755", "chmod 0700", Degraded},
		"hidden pins":         {func(f *Facts) { f.Pins.Owned = dataplane.ErrNotPermitted }, "pin folder", Warning, "not permitted", "sudo", Fit},
		"other version":       {func(f *Facts) { f.Pins.Opened = dataplane.ErrIncompatible }, "pin folder", Problem, "layout", "quicedge unload", Degraded},
		"not for us":          {func(f *Facts) { f.Pins.Opened = dataplane.ErrNotPermitted }, "pin folder", Warning, "not permitted", "sudo", Fit},
		"left by a kill":      {func(f *Facts) { f.Pins.Opened = dataplane.ErrNotLoaded }, "pin folder", Warning, "not loaded", "quicedge load", Fit},

		"small receive buffer": {func(f *Facts) { f.Sysctls["net.core.rmem_max"] = "212992" }, "sysctl net.core.rmem_max", Warning, "212992: ", "sysctl -w net.core.rmem_max=7500000", Fit},
		"small send buffer":    {func(f *Facts) { f.Sysctls["net.core.wmem_max"] = "7499999" }, "sysctl net.core.wmem_max", Warning, "7499999: ", "sysctl -w net.core.wmem_max=7500000", Fit},
		"no JIT":               {func(f *Facts) { f.Sysctls["net.core.bpf_jit_enable"] = "0" }, "sysctl net.core.bpf_jit_enable", Warning, "interpreted", "bpf_jit_enable=1", Fit},
		"BPF for all":          {func(f *Facts) { f.Sysctls["kernel.unprivileged_bpf_disabled"] = "0" }, "sysctl kernel.unprivileged_bpf_disabled", Warning, "every user", "disabled=2", Fit},
		"errors ignored":       {func(f *Facts) { f.Sysctls["net.ipv4.ip_no_pmtu_disc"] = "3" }, "sysctl net.ipv4.ip_no_pmtu_disc", Problem, "do not learn", "ip_no_pmtu_disc=0", Degraded},
		"strict device":        {func(f *Facts) { f.Sysctls["net.ipv4.conf.eth0.rp_filter"] = "1" }, "sysctl net.ipv4.conf.eth0.rp_filter", Warning, "strict", "eth0.rp_filter=2", Fit},
		"strict host": {func(f *Facts) {
			f.Sysctls["net.ipv4.conf.all.rp_filter"], f.Sysctls["net.ipv4.conf.eth0.rp_filter"] = "1", "0"
		}, "sysctl net.ipv4.conf.eth0.rp_filter", Warning, "strict", "eth0.rp_filter=2", Fit},
		"loose overrides": {func(f *Facts) { f.Sysctls["net.ipv4.conf.all.rp_filter"] = "1" }, "sysctl net.ipv4.conf.eth0.rp_filter", OK, "2", "", Fit},

		"table not for us": {func(f *Facts) { f.TableErr = fs.ErrPermission }, "table", Warning, "permission denied", "sudo", Fit},
		"damaged table":    {func(f *Facts) { f.TableErr = errors.New("overrides.csv:2:1: 2 fields") }, "table", Problem, "overrides.csv:2:1", "quicedge check", Degraded},

		"no such device":   {func(f *Facts) { f.DeviceErr = dataplane.ErrNoInterface }, "device", Problem, "no such network device", "--iface", Degraded},
		"down":             {func(f *Facts) { f.Devices[0].Up = false }, "device eth0", Warning, "down", "ip link set dev eth0 up", Fit},
		"no offloads told": {func(f *Facts) { f.Devices[0].Offloads = nil }, "offloads of eth0", Warning, "does not tell", "ethtool -k eth0", Fit},
		"GSO off":          {func(f *Facts) { f.Devices[0].Offloads["tx-udp-segmentation"] = dataplane.Offload{Changeable: true} }, "offload tx-udp-segmentation of eth0", Warning, "off: ", "ethtool -K eth0 tx-udp-segmentation on", Fit},
		"GRO off":          {func(f *Facts) { f.Devices[0].Offloads["rx-gro"] = dataplane.Offload{Changeable: true} }, "offload rx-gro of eth0", Warning, "off: ", "ethtool -K eth0 gro on", Fit},
		"no GSO at all":    {func(f *Facts) { f.Devices[0].Offloads["tx-udp-segmentation"] = dataplane.Offload{} }, "offload tx-udp-segmentation of eth0", OK, "not offered by the driver", "", Fit},

		"too small for QUIC":      {func(f *Facts) { f.Devices[0].MTU = 1247 }, "mtu of eth0", Problem, "QUIC needs 1248", "mtu 1500", Degraded},
		"first packets too large": {func(f *Facts) { f.Devices[0].MTU = 1371 }, "mtu of eth0", Problem, "first packets to 23/CMCC (Heilongjiang)", "quicedge mtu set --province 23 --isp CMCC 1371", Degraded},
		"jumbo class": {func(f *Facts) {
			f.Profiles[heilongjiang] = path.NewProfile(mtu.Effective{MTU: 9000, Source: mtu.SourceOverride})
		}, "mtu of eth0", Warning, "23/CMCC (Heilongjiang) be larger", "ip link set dev eth0 mtu 9000", Fit},
		"jumbo device": {func(f *Facts) { f.Devices[0].MTU = 9000 }, "mtu of eth0", OK, "9000", "", Fit},
	} {
		t.Run(name, func(t *testing.T) {
			f := fit()
			tt.change(&f)
			found := Examine(f)
			i := slices.IndexFunc(found, func(one Finding) bool { return one.Check == tt.check })
			if i < 0 {
				t.Fatalf("no finding %q in %+v", tt.check, found)
			}
			got := found[i]
			if got.Level != tt.level || !strings.Contains(got.Found, tt.found) || !strings.Contains(got.Cure, tt.cure) || (got.Cure == "") != (got.Level == OK) {
				t.Errorf("got %+v; want %s, %q, cure %q", got, tt.level, tt.found, tt.cure)
			}
			if state := StateOf(f); state != tt.state {
				t.Errorf("state %s, want %s", state, tt.state)
			}
		})
	}
}

func TestManyClassesAreNamedInPart(t *testing.T) {
	f := fit()
	for _, id := range class.All() {
		f.Profiles[id] = path.NewProfile(mtu.Effective{MTU: 1400, Source: mtu.SourceOverride})
	}
	f.Devices[0].MTU = 1300
	want := fmt.Sprintf("00/OTHER (unknown), 00/CMCC (unknown), 00/CUCC (unknown) and %d more classes do not fit", len(class.All())-namedClasses)
	if got := f.mtu(f.Devices[0]); !strings.Contains(got.Found, want) {
		t.Errorf("%s; want %s", got.Found, want)
	}
}

func TestSettingsThatAreNotThereAreLeftOut(t *testing.T) {
	f := fit()
	f.Sysctls = map[string]string{}
	for _, one := range Examine(f) {
		if strings.HasPrefix(one.Check, "sysctl") {
			t.Errorf("%+v", one)
		}
	}
}
