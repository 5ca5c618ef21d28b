package dataplane

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"quicedge/bpf"
	"quicedge/internal/class"
)

const (
	next     = bpf.DataplaneVerdictVERDICT_NEXT
	drop     = bpf.DataplaneVerdictVERDICT_DROP
	redirect = bpf.DataplaneVerdictVERDICT_REDIRECT
)

// verdictCase is a frame, and what must become of it.
type verdictCase struct {
	name     string
	frame    []byte
	gso      gso
	verdict  bpf.DataplaneVerdict // next where 0
	reason   string               // pass where empty
	class    class.ID
	packets  uint64 // 1 where 0
	bytes    uint64 // the frame's from the IP header on where 0
	tags     int    // in the frame
	out      []byte // the frame afterwards; where nil, one that goes on is as it was
	initials uint64
	retries  uint64
}

func (c verdictCase) complete(link int) verdictCase {
	if c.verdict == 0 {
		c.verdict = next
	}
	if c.reason == "" {
		c.reason = "pass"
	}
	c.packets = max(c.packets, 1)
	if c.bytes == 0 {
		c.bytes = uint64(len(c.frame) - link - 4*c.tags)
	}
	if c.out == nil && c.verdict == next {
		c.out = c.frame
	}
	return c
}

func (c verdictCase) check(t *testing.T, b *bench, hook string) {
	t.Helper()
	c = c.complete(b.link)
	verdict, out := b.run(t, hook, c.frame, c.gso)
	if verdict != c.verdict {
		t.Errorf("verdict %d, want %d", verdict, c.verdict)
	}
	if c.out != nil && !bytes.Equal(out, c.out) {
		t.Errorf("the frame came out as\n%x, want\n%x", out, c.out)
	}
	var s Stats
	for _, id := range testClasses() {
		b.take(t, &s, id, hook)
	}
	want := ReasonStats{Class: c.class, Hook: hook, Reason: c.reason, Packets: c.packets, Bytes: c.bytes}
	if !slices.Equal(s.Reasons, []ReasonStats{want}) {
		t.Errorf("counted %v, want only %v", s.Reasons, want)
	}
	var initials, retries uint64
	for _, cs := range s.Classes {
		initials, retries = initials+cs.Initials, retries+cs.Retries
	}
	if initials != c.initials || retries != c.retries {
		t.Errorf("counted %d initials and %d retries, want %d and %d", initials, retries, c.initials, c.retries)
	}
}

// packetGroup is packets that meet programs with the same settings.
type packetGroup struct {
	name  string
	hook  string
	cfg   Config
	bare  bool // of a device without a link layer
	cases []verdictCase
}

// packetTable is every packet whose fate the tests know, by what it is about.
func packetTable() []packetGroup {
	table := []packetGroup{
		{name: "quic from clients", hook: "ingress", cases: fromClients()},
		{name: "quic from clients, unscreened", hook: "ingress", cfg: Config{NoScreen: true}, cases: unscreened()},
		{name: "quic to clients", hook: "egress", cases: toClients()},
		{name: "quic to clients, silent", hook: "egress", cfg: Config{Silent: true}, cases: silenced()},
		{name: "tags", hook: "ingress", cases: inTags("ingress")},
		{name: "tags", hook: "egress", cases: inTags("egress")},
		{name: "without a link layer, clamped", hook: "egress", bare: true, cases: bareClamped()},
	}
	for _, hook := range []string{"ingress", "egress"} {
		table = append(table,
			packetGroup{name: "foreign", hook: hook, cases: foreign()},
			packetGroup{name: "truncated", hook: hook, cases: truncated()},
			packetGroup{name: "tcp", hook: hook, cases: tcpPackets(hook)},
			packetGroup{name: "mss", hook: hook, cases: mssPackets(hook)},
		)
	}
	return append(table, withoutLink(table)...)
}

// withoutLink is the table's IP packets without their Ethernet headers. A test run knows the IP version of a packet by
// the type in that header, and without it makes no room for an error: those are in a group of their own.
func withoutLink(table []packetGroup) (bare []packetGroup) {
	for _, g := range table {
		if g.bare || g.name == "tags" {
			continue
		}
		g.name, g.bare = g.name+", without a link layer", true
		g.cases = slices.Clone(g.cases)
		for i := range g.cases {
			c := &g.cases[i]
			c.frame = c.frame[14:]
			if c.out != nil {
				c.out = c.out[14:]
			}
		}
		g.cases = slices.DeleteFunc(g.cases, func(c verdictCase) bool {
			return c.verdict == redirect || c.reason == "not-ip" || c.reason == "bad-header" || len(c.frame) < 14
		})
		bare = append(bare, g)
	}
	return bare
}

func (g packetGroup) bench(t *testing.T) *bench {
	t.Helper()
	link := uint8(14)
	if g.bare {
		link = 0
	}
	return newBenchOf(t, testSnapshot(t), g.cfg, link)
}

// bySettings gathers the groups whose packets can meet the same programs. To load them takes longer than to run them.
func bySettings(table []packetGroup) (all [][]packetGroup) {
	for _, g := range table {
		at := slices.IndexFunc(all, func(same []packetGroup) bool {
			return same[0].bare == g.bare && reflect.DeepEqual(same[0].cfg, g.cfg)
		})
		if at < 0 {
			at, all = len(all), append(all, nil)
		}
		all[at] = append(all[at], g)
	}
	return all
}

// settings names what the group's programs are loaded with.
func (g packetGroup) settings() string {
	return fmt.Sprintf("silent=%t,screen=%t,link=%t", g.cfg.Silent, !g.cfg.NoScreen, !g.bare)
}

func TestPackets(t *testing.T) {
	n := 0
	for _, same := range bySettings(packetTable()) {
		t.Run(same[0].settings(), func(t *testing.T) {
			b := same[0].bench(t)
			for _, g := range same {
				for _, c := range g.cases {
					t.Run(g.hook+"/"+g.name+"/"+c.name, func(t *testing.T) { c.check(t, b, g.hook) })
				}
				n += len(g.cases)
			}
			if s, err := b.Stats(); err != nil || len(s.Reasons) > 0 {
				t.Errorf("counted %v where no packet should be, %v", s.Reasons, err)
			}
		})
	}
	t.Logf("%d packets", n)
}

// atSockets are the reasons of the programs at sockets, whose tests are elsewhere.
var atSockets = []string{"screened-fixed-bit", "screened-version", "screened-cid", "steered", "steered-by-hash", "steered-gone"}

// atOneHook are reasons that only one of the TC programs has.
var atOneHook = map[string]string{
	"clamped": "egress", "clamped-silent": "egress", "screened-short": "ingress", "screened-initial": "ingress",
}

func TestPacketsCoverEveryExit(t *testing.T) {
	spec, err := bpf.LoadDataplane()
	if err != nil {
		t.Fatal(err)
	}
	all, err := names(spec, "reason")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, reason := range all {
		for _, hook := range []string{"ingress", "egress"} {
			if only := atOneHook[reason]; !slices.Contains(atSockets, reason) && (only == "" || only == hook) {
				want[hook+" "+reason] = true
			}
		}
	}
	got := map[string]bool{}
	n := 0
	for _, g := range packetTable() {
		for _, c := range g.cases {
			got[g.hook+" "+c.complete(0).reason] = true
			n++
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("packets have the exits %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if n < 200 {
		t.Errorf("%d packets, want 200 at least", n)
	}
}

func TestWithoutPortsTheProgramsLookOn(t *testing.T) {
	b := newBench(t, testSnapshot(t), false)
	if err := setPorts(b.maps.Ports, nil); err != nil {
		t.Fatal(err)
	}
	syn := tcpFrame(server4, harbin4, 0, segment(443, 5555, tcpSYN, mssOption(1460), nil))
	verdictCase{frame: toClient(harbin4, 1500), reason: "foreign-port"}.check(t, b, "egress")
	verdictCase{frame: syn, reason: "foreign-port"}.check(t, b, "egress")
	verdictCase{frame: fromClient(harbin4, 48), reason: "foreign-port"}.check(t, b, "ingress")
}
