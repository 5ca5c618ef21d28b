package dataplane

import (
	"fmt"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// setPorts replaces the set of UDP ports in one step. With none, the programs only look on.
func setPorts(m *ebpf.Map, ports []uint16) error {
	var set bpf.DataplanePortSet
	for _, p := range ports {
		set.Words[p/64] |= 1 << (p % 64)
	}
	return explain("set the udp ports", m.Update(uint32(0), &set, ebpf.UpdateAny))
}

// Ports returns the UDP ports of the QUIC servers, in rising order.
func (p *Plane) Ports() ([]uint16, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return nil, errClosed
	}
	return getPorts(p.maps.Ports)
}

func getPorts(m *ebpf.Map) ([]uint16, error) {
	var set bpf.DataplanePortSet
	if err := m.Lookup(uint32(0), &set); err != nil {
		return nil, fmt.Errorf("read the udp ports: %w", err)
	}
	var ports []uint16
	for p := range 1 << 16 {
		if set.Words[p/64]>>(p%64)&1 != 0 {
			ports = append(ports, uint16(p))
		}
	}
	return ports, nil
}
