package dataplane

import (
	"fmt"
	"strings"
	"testing"
)

func TestMarksOfGapsOrTooFewBitsAreRefused(t *testing.T) {
	for mask, good := range map[uint32]bool{
		0: true, 0x3ff: true, 0x7ff: true, 0x3ff0000: true, 0xffc00000: true, 0xffffffff: true,
		1: false, 0x1ff: false, 0xff800000: false, 0x3fe0001: false, 0x7fe00ff: false, 0xf00003ff: false,
	} {
		_, err := Config{Interfaces: []string{"eth0"}, MarkMask: mask}.complete()
		if good != (err == nil) || err != nil && !strings.Contains(err.Error(), "such as 0x3ff0000") {
			t.Errorf("mark mask %#x: %v", mask, err)
		}
	}
}

// The class stands in the mark and in the priority of what goes on to or from a server, and nothing else is touched.
func TestMarkAndPriorityHoldTheClass(t *testing.T) {
	none := Config{}
	both := Config{MarkMask: 0x3ff0000, PriorityMajor: 0x12}
	whole := Config{MarkMask: 0xffffffff}
	high := Config{MarkMask: 0xffc00000}
	priority := Config{PriorityMajor: 0xffff}
	benches := make(map[string]*bench)
	syn := func(hook string) []byte { return between(hook, harbin4, 0, tcpSYN, mssOption(1460), nil) }
	for _, c := range []struct {
		name           string
		cfg            Config
		hook           string
		frame          []byte
		mark, priority uint32 // after 0xdeadbeef and 7
	}{
		{"nothing asked for", none, "ingress", fromClient(harbin4, 1228), 0xdeadbeef, 7},
		{"ingress", both, "ingress", fromClient(harbin4, 1228), 0xdeadbeef&^0x3ff0000 | 184<<16, 0x12<<16 | 184},
		{"ingress, ipv6", both, "ingress", fromClient(harbin6, 1248), 0xdeadbeef&^0x3ff0000 | 184<<16, 0x12<<16 | 184},
		{"egress", both, "egress", toClient(harbin4, 1228), 0xdeadbeef&^0x3ff0000 | 184<<16, 0x12<<16 | 184},
		{"tcp data", both, "ingress", between("ingress", harbin4, 0, tcpACK, nil, nil), 0xdeadbeef&^0x3ff0000 | 184<<16, 0x12<<16 | 184},
		{"tcp syn", both, "egress", syn("egress"), 0xdeadbeef&^0x3ff0000 | 184<<16, 0x12<<16 | 184},
		{"class 0", both, "ingress", fromClient(stranger4, 1228), 0xdeadbeef &^ 0x3ff0000, 0x12 << 16},
		{"another port", both, "ingress", toClient(harbin4, 1228), 0xdeadbeef, 7},
		{"no packet of ours", both, "egress", ether(0x0806, make([]byte, 28)), 0xdeadbeef, 7},
		{"the whole mark", whole, "egress", toClient(harbin4, 1228), 184, 7},
		{"the highest bits", high, "egress", toClient(harbin4, 1228), 0xdeadbeef&0x3fffff | 184<<22, 7},
		{"priority alone", priority, "ingress", fromClient(gansu4, 1228), 0xdeadbeef, 0xffff<<16 | uint32(gansu)},
	} {
		settings := fmt.Sprintf("%+v", c.cfg)
		if benches[settings] == nil {
			benches[settings] = newBenchOf(t, testSnapshot(t), c.cfg, 14)
		}
		t.Run(c.name, func(t *testing.T) {
			b := benches[settings]
			verdict, _, after, err := b.tryWith(c.hook, c.frame, skb{Mark: 0xdeadbeef, Priority: 7})
			if err != nil || verdict != next || after.Mark != c.mark || after.Priority != c.priority {
				t.Errorf("verdict %d, mark %#x, priority %#x, %v; want mark %#x, priority %#x", verdict, after.Mark, after.Priority, err, c.mark, c.priority)
			}
		})
	}
}
