package dataplane

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"quicedge/bpf"
	"quicedge/internal/class"
)

// Stats are the counters since the maps were made, summed over the CPUs. A GSO super-packet counts as the packets that it
// becomes on the wire; bytes begin at the IP header.
type Stats struct {
	Classes []ClassStats  // those with packets, by class and hook
	Reasons []ReasonStats // those with packets, by class, hook and reason
	RTT     []ClassRTT    // those with samples, by class
}

// ClassStats counts the packets of QUIC servers: from clients of a class (hooks "ingress", "socket", "reuseport") or to them
// ("egress"). TCP of the same ports is not among Packets and Bytes: it has the reasons "tcp" and "mss-clamped".
type ClassStats struct {
	Class      class.ID
	Hook       string
	Packets    uint64 // whatever became of them
	Bytes      uint64
	Clamped    uint64 // packets of these that were dropped as larger than the class's MTU
	Screened   uint64 // packets of these that were dropped as what a QUIC server discards
	Initials   uint64 // packets that passed and begin with a QUIC Initial
	Retries    uint64 // packets that passed and begin with a QUIC Retry
	MSSClamped uint64 // TCP SYNs whose MSS was lowered to the class's; they are not among Packets
}

// ReasonStats counts the exits of a program. Packets that are not a QUIC server's are counted under class 0.
type ReasonStats struct {
	Class   class.ID
	Hook    string
	Reason  string // such as "pass", "clamped" or "not-udp"; docs/dataplane.md lists them
	Packets uint64
	Bytes   uint64
}

// Stats reads the counters. They go on being written meanwhile: sums of different classes are not of one moment.
func (p *Plane) Stats() (Stats, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return Stats{}, errClosed
	}
	reasons, err := names(p.spec, "reason")
	if err != nil {
		return Stats{}, err
	}
	places, err := names(p.spec, "hook")
	if err != nil {
		return Stats{}, err
	}
	var s Stats
	for _, id := range class.All() {
		for h, place := range places {
			sum, err := sumStats(p.maps.Stats, statsKey(id, h))
			if err != nil {
				return Stats{}, fmt.Errorf("read the counters of class %s: %w", id, err)
			}
			s.add(id, place, reasons, &sum)
		}
	}
	s.RTT, err = p.readRTT()
	return s, err
}

// statsKey is where the counters of a class at a hook are.
func statsKey(id class.ID, hook int) uint32 {
	return uint32(id)*uint32(bpf.DataplaneHookHOOKS) + uint32(hook)
}

// sumStats adds up the CPUs' copies of one entry.
func sumStats(m *ebpf.Map, key uint32) (sum bpf.DataplaneClassStats, err error) {
	var cpus []bpf.DataplaneClassStats
	if err := m.Lookup(key, &cpus); err != nil {
		return sum, err
	}
	for i := range cpus {
		for r := range cpus[i].Exits {
			sum.Exits[r].Packets += cpus[i].Exits[r].Packets
			sum.Exits[r].Bytes += cpus[i].Exits[r].Bytes
		}
		sum.Initials += cpus[i].Initials
		sum.Retries += cpus[i].Retries
	}
	return sum, nil
}

func (s *Stats) add(id class.ID, hook string, reasons []string, sum *bpf.DataplaneClassStats) {
	c := ClassStats{Class: id, Hook: hook, Initials: sum.Initials, Retries: sum.Retries}
	for r, n := range sum.Exits {
		if n.Packets == 0 {
			continue
		}
		s.Reasons = append(s.Reasons, ReasonStats{id, hook, nameOf(reasons, r), n.Packets, n.Bytes})
		c.add(bpf.DataplaneReason(r), n.Packets, n.Bytes)
	}
	if c.Packets > 0 || c.MSSClamped > 0 {
		s.Classes = append(s.Classes, c)
	}
}

// add counts an exit for the class, if it is one of a QUIC server's port.
func (c *ClassStats) add(why bpf.DataplaneReason, packets, bytes uint64) {
	switch why {
	case bpf.DataplaneReasonREASON_CLAMPED, bpf.DataplaneReasonREASON_CLAMPED_SILENT:
		c.Clamped += packets
	case bpf.DataplaneReasonREASON_SCREENED_SHORT, bpf.DataplaneReasonREASON_SCREENED_FIXED_BIT, bpf.DataplaneReasonREASON_SCREENED_INITIAL,
		bpf.DataplaneReasonREASON_SCREENED_VERSION, bpf.DataplaneReasonREASON_SCREENED_CID:
		c.Screened += packets
	case bpf.DataplaneReasonREASON_MSS_CLAMPED:
		c.MSSClamped += packets
		return
	case bpf.DataplaneReasonREASON_PASS, bpf.DataplaneReasonREASON_STEERED, bpf.DataplaneReasonREASON_STEERED_BY_HASH, bpf.DataplaneReasonREASON_STEERED_GONE:
	default:
		return
	}
	c.Packets += packets
	c.Bytes += bytes
}

// names returns what the values of an enum in bpf/types.h are called, from 0 on: REASON_NOT_UDP of enum reason is "not-udp".
func names(spec *ebpf.CollectionSpec, enum string) ([]string, error) {
	var e *btf.Enum
	if err := spec.Types.TypeByName(enum, &e); err != nil {
		return nil, fmt.Errorf("find the names of enum %s: %w", enum, err)
	}
	var all []string
	for _, v := range e.Values {
		if short, ok := strings.CutPrefix(v.Name, strings.ToUpper(enum)+"_"); ok {
			all = append(all, strings.ToLower(strings.ReplaceAll(short, "_", "-")))
		}
	}
	return all, nil
}

// nameOf names a value, also one that a newer program has pinned.
func nameOf(names []string, value int) string {
	if value < len(names) {
		return names[value]
	}
	return fmt.Sprintf("reason-%d", value)
}
