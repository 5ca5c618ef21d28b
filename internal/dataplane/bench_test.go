package dataplane

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/netnstest"
	"quicedge/internal/path"
	"quicedge/internal/prefix"
)

var (
	heilongjiang = class.Of(23, class.Other)
	gansu        = class.Of(62, class.CMCC)
	yunnan       = class.Of(53, class.CMCC)
)

// testClasses are the classes of testSnapshot.
func testClasses() []class.ID { return []class.ID{0, heilongjiang, gansu, yunnan} }

// testSnapshot maps the documentation prefixes to classes: one with the MTU of Heilongjiang, one below what IPv6 knows as
// its least, one without a profile. Class 0 is clamped as Ethernet is.
func testSnapshot(t testing.TB) *path.Snapshot {
	t.Helper()
	return snapshot(t, map[string]class.ID{
		"198.51.100.0/24": heilongjiang, "2001:db8:23::/48": heilongjiang,
		"203.0.113.0/24": gansu, "2001:db8:62::/48": gansu,
		"192.0.2.0/24": yunnan,
	}, map[class.ID]uint16{heilongjiang: 1372, gansu: 1248, 0: 1500})
}

func snapshot(t testing.TB, prefixes map[string]class.ID, mtus map[class.ID]uint16) *path.Snapshot {
	t.Helper()
	var entries []prefix.Entry
	for _, p := range slices.Sorted(maps.Keys(prefixes)) {
		entries = append(entries, prefix.Entry{Prefix: netip.MustParsePrefix(p), Class: prefixes[p]})
	}
	table, err := prefix.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	s := &path.Snapshot{Prefixes: table}
	for id, m := range mtus {
		s.Profiles[id] = path.NewProfile(mtu.Effective{MTU: m, Source: mtu.SourceCSV})
	}
	return s
}

// bench is the programs on maps of their own, neither pinned nor attached, for BPF_PROG_RUN.
type bench struct {
	*Plane
	programs bpf.DataplanePrograms
	link     int // bytes before the IP header
	snap     *path.Snapshot
	cfg      Config // that the programs were loaded with
}

func newBench(t testing.TB, snap *path.Snapshot, silent bool) *bench {
	t.Helper()
	return newBenchOf(t, snap, Config{Silent: silent}, 14)
}

// newBenchOf is newBench with other settings, for a device with as many bytes before the IP header.
func newBenchOf(t testing.TB, snap *path.Snapshot, cfg Config, linkHeader uint8) *bench {
	t.Helper()
	netnstest.NeedBPF(t)
	spec, err := bpf.LoadDataplane()
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Variables[bpf.DataplaneVarLinkHeader].Set(linkHeader); err != nil {
		t.Fatal(err)
	}
	o, err := cfg.loadObjects(spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := loader{spec: spec}
	p, err := l.plane(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); o.DataplanePrograms.Close() })
	c, err := p.prepare(snap, cmp.Or(cfg.TableKind, TableDIR))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := p.commit(c); err != nil {
		t.Fatal(err)
	}
	if err := setPorts(p.maps.Ports, []uint16{443, 8443}); err != nil {
		t.Fatal(err)
	}
	return &bench{p, o.DataplanePrograms, int(linkHeader), snap, cfg}
}

// skb is struct __sk_buff, of which a test run takes these fields.
type skb struct {
	_        [8]byte
	Mark     uint32
	_        [20]byte
	Priority uint32
	_        [124]byte
	WireLen  uint32
	GSOSegs  uint32
	_        [8]byte
	GSOSize  uint32
	_        [12]byte
}

// gso is a context of segments of size bytes of UDP payload; 0 segments: no GSO.
type gso struct{ size, segments uint32 }

func (g gso) skb() skb { return skb{GSOSize: g.size, GSOSegs: g.segments} }

// run runs the program of a hook on a frame. out is the frame afterwards.
func (b *bench) run(t testing.TB, hook string, frame []byte, g gso) (verdict bpf.DataplaneVerdict, out []byte) {
	t.Helper()
	verdict, out, err := b.try(hook, frame, g)
	if err != nil {
		t.Fatalf("run %s on %d bytes: %v", hook, len(frame), err)
	}
	return verdict, out
}

// try is run for frames that BPF_PROG_RUN may refuse.
func (b *bench) try(hook string, frame []byte, g gso) (bpf.DataplaneVerdict, []byte, error) {
	verdict, out, _, err := b.tryWith(hook, frame, g.skb())
	return verdict, out, err
}

// tryWith is try with what is beside the frame, before and after.
func (b *bench) tryWith(hook string, frame []byte, in skb) (verdict bpf.DataplaneVerdict, out []byte, after skb, err error) {
	program := b.programs.QeIngress
	if hook == "egress" {
		program = b.programs.QeEgress
	}
	opts := ebpf.RunOptions{Data: frame, DataOut: make([]byte, len(frame)+256), Context: in, ContextOut: &after}
	ret, err := program.Run(&opts)
	return bpf.DataplaneVerdict(int32(ret)), opts.DataOut, after, err
}

// take moves the counters of a class at a hook out of the map.
func (b *bench) take(t testing.TB, s *Stats, id class.ID, hook string) {
	t.Helper()
	reasons, err := names(b.spec, "reason")
	if err != nil {
		t.Fatal(err)
	}
	places, err := names(b.spec, "hook")
	if err != nil {
		t.Fatal(err)
	}
	key := statsKey(id, slices.Index(places, hook))
	sum, err := sumStats(b.maps.Stats, key)
	if err != nil {
		t.Fatal(err)
	}
	s.add(id, hook, reasons, &sum)
	zero := make([]bpf.DataplaneClassStats, ebpf.MustPossibleCPU())
	if err := b.maps.Stats.Update(key, zero, ebpf.UpdateAny); err != nil {
		t.Fatal(err)
	}
}
