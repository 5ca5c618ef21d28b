package path

import (
	"net/netip"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/prefix"
)

func TestProfileSizes(t *testing.T) {
	tests := []struct {
		in     mtu.Effective
		budget uint16
		start  uint16
		search bool
	}{
		{mtu.Effective{MTU: 1500, Source: mtu.SourceDefault}, 1452, 1200, true},
		{mtu.Effective{MTU: 1372, Source: mtu.SourceCSV}, 1324, 1324, false},
		{mtu.Effective{MTU: mtu.Min, Source: mtu.SourceOverride}, 1200, 1200, false},
		{mtu.Effective{MTU: mtu.Max, Source: mtu.SourceOverride}, 8952, 1452, false},
		{mtu.Effective{MTU: 1500, Source: mtu.SourceCSV}, 1452, 1452, false},
	}
	for _, tt := range tests {
		p := NewProfile(tt.in)
		if p.Budget != tt.budget || p.Initial != tt.start || p.Search != tt.search || p.MTU != tt.in.MTU {
			t.Errorf("%+v: %+v", tt.in, p)
		}
	}
}

func TestCompileFillsEveryClass(t *testing.T) {
	prefixes, err := prefix.New([]prefix.Entry{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Class: class.Of(23, class.CMCC)}})
	if err != nil {
		t.Fatal(err)
	}
	csv := (*mtu.Table)(nil).With(mtu.Selector{}, 1480).With(mtu.Selector{Province: 23, HasProvince: true}, 1372)
	snap, err := Compile(prefixes, mtu.Layers{CSV: csv}, NATTimeouts{class.CMCC: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if m := snap.Lookup(netip.MustParseAddr("198.51.100.7")); m.Profile.MTU != 1372 || m.Prefix.Bits() != 24 || m.Profile.KeepAlive != 40*time.Second {
		t.Errorf("got %+v", m)
	}
	if m := snap.Lookup(netip.MustParseAddr("192.0.2.1")); m.Class != 0 || m.Profile.MTU != 1480 || m.Profile.KeepAlive != 20*time.Second {
		t.Errorf("got %+v", m)
	}
	for _, id := range class.All() {
		if snap.Profiles[id].MTU < mtu.Min {
			t.Errorf("class %s has no profile", id)
		}
	}
	if _, err := Compile(prefixes, mtu.Layers{CSV: &mtu.Table{}}, nil); err == nil {
		t.Error("a table that covers nothing was compiled")
	}
}
