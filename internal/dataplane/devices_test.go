package dataplane

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestTwoDevicesShareTheMaps(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("edge1.7") // a dot is no name on a BPF file system
		p := l.mustLoad(testSnapshot(t))
		l.cfg.Interfaces = []string{"edge1.7"}
		l.mustLoad(testSnapshot(t))
		got := interfaces(t, p)
		var names []string
		for _, a := range got {
			names = append(names, a.Interface+" "+a.Hook)
		}
		if !slices.Equal(names, []string{"edge0 ingress", "edge0 egress", "edge1.7 ingress", "edge1.7 egress"}) {
			t.Fatalf("attached %v", got)
		}
		if got[0].ProgramID != got[2].ProgramID || got[1].ProgramID != got[3].ProgramID {
			t.Errorf("the devices run different programs: %v", got)
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		if l.attached("edge0") != 2 || l.attached("edge1.7") != 0 || len(interfaces(t, p)) != 2 {
			t.Errorf("after one was unloaded: %v", interfaces(t, p))
		}
		if err := l.unload(); !errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), "edge0") {
			t.Errorf("unloaded twice: %v", err)
		}
		l.cfg.Interfaces = []string{"edge0"}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0", "edge1.7")
	})
}

func TestDeviceThatWentAndCameBack(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		old := interfaces(t, p)[0].Index
		l.remove("edge0")
		if got := interfaces(t, p); len(got) != 2 || got[0].Index != 0 {
			t.Errorf("device gone: %v", got)
		}
		l.wire("edge0")
		l.mustLoad(testSnapshot(t))
		if got := interfaces(t, p); len(got) != 2 || got[0].Index == 0 || got[0].Index == old {
			t.Errorf("device back: %v", got)
		}
		if !l.clamps(l.listen(harbin4)) {
			t.Error("device back: does not clamp")
		}
		l.remove("edge0")
		if err := l.unload(); err != nil {
			t.Errorf("unload from a device that is gone: %v", err)
		}
		l.mustBeGone("unloaded")
	})
}

// A device that was renamed keeps the programs that it has.
func TestRenamedDeviceIsStillTheSame(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		p := l.mustLoad(testSnapshot(t))
		l.do(func() {
			dev, err := netlink.LinkByName("edge0")
			if err == nil {
				err = errors.Join(netlink.LinkSetDown(dev), netlink.LinkSetName(dev, "lan0"), netlink.LinkSetUp(dev))
			}
			if err != nil {
				t.Error(err)
			}
		})
		if err := p.Ready(); err != nil {
			t.Error(err)
		}
		l.cfg.Interfaces = []string{"lan0"}
		l.mustLoad(testSnapshot(t))
		if got := interfaces(t, p); len(got) != 2 || got[0].Interface != "lan0" || l.attached("lan0") != 2 {
			t.Errorf("attached %v, %d programs", got, l.attached("lan0"))
		}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "lan0")
	})
}

// A load on several devices is one load: the programs of all are there, or none are.
func TestSeveralDevicesAtOnce(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("edge1")
		l.tun("edge2", unix.ARPHRD_NONE)
		l.cfg.Interfaces = []string{"edge1", "edge0", "edge2", "edge0"}
		p := l.mustLoad(testSnapshot(t))
		if got := interfaces(t, p); len(got) != 6 || l.attached("edge0", "edge1", "edge2") != 6 {
			t.Fatalf("attached %v", got)
		}
		l.cfg.Interfaces = []string{"edge0"}
		l.mustLoad(testSnapshot(t))
		after := interfaces(t, p)
		if len(after) != 6 || after[0].ProgramID != after[2].ProgramID || after[0].ProgramID == after[4].ProgramID {
			t.Errorf("the third device has programs of its own: %v", after)
		}
		l.cfg.Interfaces = []string{"edge1", "edge2", "edge9"}
		if err := l.unload(); !errors.Is(err, ErrNotLoaded) || !strings.Contains(err.Error(), "edge9") {
			t.Errorf("unload from one device too many: %v", err)
		}
		if got := interfaces(t, p); !slices.Equal(got, after) {
			t.Errorf("attached %v, before %v", got, after)
		}
		l.cfg.Interfaces = []string{"edge1", "edge2"}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		if err := l.mustLoad(testSnapshot(t)).Ready(); err != nil || len(interfaces(t, p)) != 6 {
			t.Errorf("added again: %v, %v", interfaces(t, p), err)
		}
		l.remove("edge1")
		l.cfg.Interfaces = []string{"edge0", "edge1", "edge2"}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0", "edge2")
	})
}

func TestDeviceThatIsDownIsTakenWithAWarning(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.do(func() {
			dev, err := netlink.LinkByName("edge0")
			if err == nil {
				err = netlink.LinkSetDown(dev)
			}
			if err != nil {
				t.Error(err)
			}
		})
		var log bytes.Buffer
		l.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		l.mustLoad(testSnapshot(t))
		if !strings.Contains(log.String(), "ip link set edge0 up") {
			t.Errorf("logged %s", &log)
		}
		if got := l.attached("edge0"); got != 2 {
			t.Errorf("%d programs attached, want 2", got)
		}
	})
}

func (l *lab) remove(device string) {
	l.t.Helper()
	l.do(func() {
		dev, err := netlink.LinkByName(device)
		if err == nil {
			err = netlink.LinkDel(dev)
		}
		if err != nil {
			l.t.Error(err)
		}
	})
}

func TestSamePinFolderInAnotherNamespaceIsRefused(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.mustLoad(testSnapshot(t))
		other := newLab(t)
		other.cfg.PinDir = l.cfg.PinDir
		if _, err := other.load(testSnapshot(t)); err == nil || !strings.Contains(err.Error(), "network namespace") {
			t.Errorf("got %v", err)
		}
		if l.attached("edge0") != 2 || other.attached("edge0") != 0 {
			t.Errorf("%d programs here, %d there", l.attached("edge0"), other.attached("edge0"))
		}
	})
}

// A device that was moved to another namespace takes its programs there by TCX, and loses them by clsact. What is left of it
// can be given up, and holds the others up no longer.
func TestMovedDeviceCanBeGivenUp(t *testing.T) {
	inEachMode(t, func(t *testing.T, l *lab) {
		l.wireSpare("moved0")
		good := l.cfg
		l.cfg.Interfaces = []string{"edge0", "moved0"}
		l.mustLoad(testSnapshot(t))
		l.do(func() {
			dev, err := netlink.LinkByName("moved0")
			if err == nil {
				err = netlink.LinkSetNsFd(dev, int(l.client.NsHandle))
			}
			if err != nil {
				t.Error(err)
			}
		})
		l.cfg = good
		_, err := l.load(testSnapshot(t))
		if (err == nil) != (l.cfg.Mode == ModeClsact) {
			t.Fatalf("load: %v", err)
		}
		if err != nil && !strings.Contains(err.Error(), "unload --iface moved0") {
			t.Errorf("load says no way out: %v", err)
		}
		l.cfg.Interfaces = []string{"moved0"}
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.cfg = good
		l.mustLoad(testSnapshot(t))
		if err := l.unload(); err != nil {
			t.Fatal(err)
		}
		l.mustBeGone("unloaded", "edge0")
	})
}

func TestDefaultInterface(t *testing.T) {
	l := newLab(t)
	var got string
	var err error
	l.do(func() { got, err = DefaultInterface() })
	if !errors.Is(err, ErrNoInterface) {
		t.Errorf("without a default route: %q, %v", got, err)
	}
	l.do(func() {
		dev, ferr := findDevice("edge0")
		err = errors.Join(ferr, netlink.RouteAdd(&netlink.Route{LinkIndex: dev.index, Gw: []byte{10, 9, 0, 2}}))
		if err == nil {
			got, err = DefaultInterface()
		}
	})
	if err != nil || got != "edge0" {
		t.Errorf("with one: %q, %v", got, err)
	}
}
