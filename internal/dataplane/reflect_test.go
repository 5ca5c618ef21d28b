package dataplane

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"quicedge/internal/class"
)

// Every error that a packet of the table is turned into is read by gopacket, field by field.
func TestReflectedErrors(t *testing.T) {
	n := 0
	table := packetTable()
	for i := range table {
		g := &table[i]
		g.cases = slices.DeleteFunc(g.cases, func(c verdictCase) bool { return c.verdict != redirect })
		n += len(g.cases)
	}
	table = slices.DeleteFunc(table, func(g packetGroup) bool { return len(g.cases) == 0 })
	for _, same := range bySettings(table) {
		t.Run(same[0].settings(), func(t *testing.T) {
			b := same[0].bench(t)
			for _, g := range same {
				for _, c := range g.cases {
					t.Run(g.name+"/"+c.name, func(t *testing.T) { checkReflected(t, b, g.hook, c) })
				}
			}
		})
	}
	if n < 20 {
		t.Errorf("%d errors, want 20 at least", n)
	}
}

func checkReflected(t *testing.T, b *bench, hook string, c verdictCase) {
	t.Helper()
	_, out := b.run(t, hook, c.frame, c.gso)
	l3 := b.l3(c.frame)
	checkTurned(t, c.frame[:l3], out[:l3])
	if c.frame[l3]>>4 == 4 {
		checkFragNeeded(t, c.frame[l3:], out[l3:], toldMTU(c.class, false))
	} else {
		checkTooBig(t, c.frame[l3:], out[l3:], toldMTU(c.class, true))
	}
}

// toldMTU is what the sender of a packet that is too large for a class of testSnapshot is told.
func toldMTU(id class.ID, ipv6 bool) uint16 {
	mtu := testSnapshot(new(testing.T)).Profiles[id].MTU
	if ipv6 {
		return max(mtu, 1280) // RFC 8201, section 4
	}
	return mtu
}

// checkTurned expects the headers of the link the other way round, tags and all.
func checkTurned(t *testing.T, was, is []byte) {
	t.Helper()
	if len(was) == 0 {
		return
	}
	p := gopacket.NewPacket(is, layers.LayerTypeEthernet, gopacket.NoCopy)
	eth, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok {
		t.Fatalf("%x: no ethernet", is)
	}
	if !bytes.Equal(eth.DstMAC, was[6:12]) || !bytes.Equal(eth.SrcMAC, was[:6]) {
		t.Errorf("ethernet %v to %v: not turned round", eth.SrcMAC, eth.DstMAC)
	}
	if !bytes.Equal(is[12:], was[12:]) {
		t.Errorf("type and tags %x, want %x", is[12:], was[12:])
	}
}

// udpEnd is where the UDP header of a packet ends.
func udpEnd(t *testing.T, packet []byte) int {
	t.Helper()
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if packet[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(packet, first, gopacket.NoCopy)
	udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok {
		t.Fatalf("%x: no udp", packet)
	}
	return len(packet) - len(udp.Payload)
}

func address(b []byte) netip.Addr { a, _ := netip.AddrFromSlice(b); return a.Unmap() }

func checkFragNeeded(t *testing.T, packet, out []byte, mtu uint16) {
	t.Helper()
	p := gopacket.NewPacket(out, layers.LayerTypeIPv4, gopacket.Default)
	ip, ok := p.NetworkLayer().(*layers.IPv4)
	if !ok {
		t.Fatalf("no ipv4: %v", p)
	}
	quote := packet[:udpEnd(t, packet)]
	if from, to := address(ip.SrcIP), address(ip.DstIP); from != address(packet[16:20]) || to != address(packet[12:16]) {
		t.Errorf("from %s to %s: not turned round", from, to)
	}
	if ip.IHL != 5 || ip.TOS != 0 || ip.TTL != 64 || ip.Id != 0 || ip.Flags != 0 || ip.FragOffset != 0 ||
		ip.Protocol != layers.IPProtocolICMPv4 || int(ip.Length) != 28+len(quote) || len(out) != int(ip.Length) {
		t.Errorf("ipv4 header %+v", ip)
	}
	if sum := checksum(ip.Contents); sum != 0 {
		t.Errorf("ipv4 checksum off by %04x", sum)
	}
	icmp := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
	if icmp.TypeCode != layers.CreateICMPv4TypeCode(3, 4) || icmp.Id != 0 || icmp.Seq != mtu {
		t.Errorf("%s, unused %d, mtu %d, want mtu %d", icmp.TypeCode, icmp.Id, icmp.Seq, mtu)
	}
	if sum := checksum(icmp.Contents, icmp.Payload); sum != 0 {
		t.Errorf("icmp checksum off by %04x", sum)
	}
	if !bytes.Equal(icmp.Payload, quote) {
		t.Errorf("quotes\n%x, want\n%x", icmp.Payload, quote)
	}
}

func checkTooBig(t *testing.T, packet, out []byte, mtu uint16) {
	t.Helper()
	p := gopacket.NewPacket(out, layers.LayerTypeIPv6, gopacket.Default)
	ip, ok := p.NetworkLayer().(*layers.IPv6)
	if !ok {
		t.Fatalf("no ipv6: %v", p)
	}
	quote := packet[:udpEnd(t, packet)]
	if from, to := address(ip.SrcIP), address(ip.DstIP); from != address(packet[24:40]) || to != address(packet[8:24]) {
		t.Errorf("from %s to %s: not turned round", from, to)
	}
	if ip.TrafficClass != 0 || ip.FlowLabel != 0 || ip.HopLimit != 64 || ip.NextHeader != layers.IPProtocolICMPv6 ||
		int(ip.Length) != 8+len(quote) || len(out) != 40+int(ip.Length) {
		t.Errorf("ipv6 header %+v", ip)
	}
	icmp := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	if icmp.TypeCode != layers.CreateICMPv6TypeCode(2, 0) || binary.BigEndian.Uint32(icmp.Payload) != uint32(mtu) {
		t.Errorf("%s, mtu %d, want %d", icmp.TypeCode, binary.BigEndian.Uint32(icmp.Payload), mtu)
	}
	pseudo := append(append([]byte{}, ip.Contents[8:40]...), 0, 0, byte(len(ip.Payload)>>8), byte(len(ip.Payload)), 0, 0, 0, 58)
	if sum := checksum(pseudo, ip.Payload); sum != 0 {
		t.Errorf("icmpv6 checksum off by %04x", sum)
	}
	if !bytes.Equal(icmp.Payload[4:], quote) {
		t.Errorf("quotes\n%x, want\n%x", icmp.Payload[4:], quote)
	}
}
