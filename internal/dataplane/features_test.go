package dataplane

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFeaturesSayWhatLoadNeeds(t *testing.T) {
	l := newLab(t)
	l.mustLoad(testSnapshot(t)) // what works has its features
	found := map[string]error{}
	for _, f := range Features() {
		if f.Name == "" || f.For == "" || f.Since == "" || found[f.Name] != nil {
			t.Errorf("%+v", f)
		}
		found[f.Name] = f.Err
	}
	for _, name := range []string{"tc-programs", "array-of-maps", "mapped-arrays", "lpm-trie", "lru-hash"} {
		if err, asked := found[name]; !asked || err != nil {
			t.Errorf("%s: asked %v, %v", name, asked, err)
		}
	}
	if found[FeatureTCX] != nil && found[FeatureClsact] != nil {
		t.Errorf("no way to attach: %v; %v", found[FeatureTCX], found[FeatureClsact])
	}
}

func TestAKernelThatMayNotBeAskedIsNotBlamed(t *testing.T) {
	for name, tt := range map[string]struct{ programs, tcx, want error }{
		"may not ask":  {ErrNotPermitted, ErrUnsupported, ErrNotPermitted},
		"has not got":  {nil, ErrUnsupported, ErrUnsupported},
		"may ask this": {ErrNotPermitted, nil, nil},
		"has it":       {nil, nil, nil},
	} {
		all := []Feature{{Name: FeatureTCX, Err: tt.tcx}, {Name: featurePrograms, Err: tt.programs}}
		if settleTCX(all); all[0].Err != tt.want || all[1].Err != tt.programs {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

func TestDeviceIsDescribed(t *testing.T) {
	l := newLab(t)
	var d DeviceFacts
	var err, missing error
	l.do(func() {
		d, err = Device("edge0")
		_, missing = Device("nope0")
	})
	if err != nil || d.Name != "edge0" || d.Index == 0 || d.Kind != "veth" || d.Encap != "ether" || d.MTU != 1500 || !d.Up {
		t.Errorf("%+v, %v", d, err)
	}
	if !errors.Is(missing, ErrNoInterface) {
		t.Errorf("a device that is not there: %v", missing)
	}
	// What a veth has is fixed in the kernel: segmentation on and to be changed, no VLAN filter.
	if gso, filter := d.Offloads["tx-udp-segmentation"], d.Offloads["rx-vlan-filter"]; gso != (Offload{true, true}) || filter != (Offload{}) {
		t.Errorf("offloads %+v", d.Offloads)
	}
}

func TestPinFolderIsDescribedAndLeftAlone(t *testing.T) {
	l := newLab(t)
	if p := LookAtPins(l.cfg.PinDir); p.Exists || !p.OnBPFFS || !p.Mountable || p.Owned != nil || p.Opened != nil {
		t.Errorf("nothing there: %+v", p)
	}
	l.mustLoad(testSnapshot(t))
	if p := LookAtPins(l.cfg.PinDir); !p.Exists || p.Owned != nil || p.Opened != nil {
		t.Errorf("loaded: %+v", p)
	}
	if err := os.Remove(mapPin(l.cfg.PinDir, "generation")); err != nil {
		t.Fatal(err)
	}
	if p := LookAtPins(l.cfg.PinDir); !errors.Is(p.Opened, ErrIncompatible) {
		t.Errorf("a map is missing: %+v", p)
	}
	if err := os.Chmod(l.cfg.PinDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if p := LookAtPins(l.cfg.PinDir); p.Owned == nil || p.Opened != nil {
		t.Errorf("open to others: %+v", p)
	}
	if p := LookAtPins(filepath.Join(t.TempDir(), "pins")); p.OnBPFFS || p.Mountable || p.Exists {
		t.Errorf("elsewhere: %+v", p)
	}
}
