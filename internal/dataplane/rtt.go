package dataplane

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
	"quicedge/internal/class"
)

// ClassRTT are the round-trip times of QUIC handshakes with clients of a class, as the programs saw them pass: from the
// server's first packet to the client's answer to it.
type ClassRTT struct {
	Class   class.ID
	Samples uint64
	Sum     time.Duration
	Buckets [rttBuckets]uint64 // bucket i: 2^i microseconds and more, below 2^(i+1); the first holds all below 2
}

// rttBuckets is RTT_BUCKETS of bpf/types.h.
const rttBuckets = len(bpf.DataplaneRttHistogram{}.Buckets)

// RTT reads the round-trip times of the classes that have any.
func (p *Plane) RTT() (all []ClassRTT, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return nil, errClosed
	}
	return p.readRTT()
}

func (p *Plane) readRTT() (all []ClassRTT, err error) {
	for _, id := range class.All() {
		r, err := sumRTT(p.maps.Rtt, id)
		if err != nil {
			return nil, fmt.Errorf("read the round-trip times of class %s: %w", id, err)
		}
		if r.Samples > 0 {
			all = append(all, r)
		}
	}
	return all, nil
}

// sumRTT adds up the CPUs' histograms of a class.
func sumRTT(m *ebpf.Map, id class.ID) (ClassRTT, error) {
	sum := ClassRTT{Class: id}
	var cpus []bpf.DataplaneRttHistogram
	if err := m.Lookup(uint32(id), &cpus); err != nil {
		return sum, err
	}
	for i := range cpus {
		sum.Samples += cpus[i].Samples
		sum.Sum += time.Duration(cpus[i].SumUs) * time.Microsecond
		for b, n := range cpus[i].Buckets {
			sum.Buckets[b] += n
		}
	}
	return sum, nil
}
