package dataplane

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// reflected runs a packet that is too large through egress and returns the error it became.
func reflected(t *testing.T, frame []byte, g gso) gopacket.Packet {
	t.Helper()
	b := newBench(t, testSnapshot(t), false)
	verdict, out := b.run(t, "egress", frame, g)
	if verdict != redirect {
		t.Fatalf("verdict %d, want a redirect", verdict)
	}
	p := gopacket.NewPacket(out, layers.LayerTypeEthernet, gopacket.Default)
	if p.ErrorLayer() != nil {
		t.Fatalf("gopacket reads no packet: %v\n%x", p.ErrorLayer().Error(), out)
	}
	eth := p.LinkLayer().(*layers.Ethernet)
	if !bytes.Equal(eth.DstMAC, frame[6:12]) || !bytes.Equal(eth.SrcMAC, frame[:6]) {
		t.Errorf("ethernet %v to %v: not turned round", eth.SrcMAC, eth.DstMAC)
	}
	return p
}

func checkFragNeeded(t *testing.T, p gopacket.Packet, client netip.Addr, mtu uint16, quote []byte) {
	t.Helper()
	ip, ok := p.NetworkLayer().(*layers.IPv4)
	if !ok {
		t.Fatalf("no ipv4: %v", p)
	}
	if got, _ := netip.AddrFromSlice(ip.SrcIP.To4()); got != client {
		t.Errorf("source %s, want %s", got, client)
	}
	if got, _ := netip.AddrFromSlice(ip.DstIP.To4()); got != server4 {
		t.Errorf("destination %s, want %s", got, server4)
	}
	if ip.IHL != 5 || ip.TTL != 64 || ip.Protocol != layers.IPProtocolICMPv4 || int(ip.Length) != 28+len(quote) {
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

func checkTooBig(t *testing.T, p gopacket.Packet, client netip.Addr, mtu uint32, quote []byte) {
	t.Helper()
	ip, ok := p.NetworkLayer().(*layers.IPv6)
	if !ok {
		t.Fatalf("no ipv6: %v", p)
	}
	if got, _ := netip.AddrFromSlice(ip.SrcIP); got != client {
		t.Errorf("source %s, want %s", got, client)
	}
	if got, _ := netip.AddrFromSlice(ip.DstIP); got != server6 {
		t.Errorf("destination %s, want %s", got, server6)
	}
	if ip.HopLimit != 64 || ip.NextHeader != layers.IPProtocolICMPv6 || int(ip.Length) != 8+len(quote) {
		t.Errorf("ipv6 header %+v", ip)
	}
	body := ip.Payload
	if body[0] != 2 || body[1] != 0 || uint32(body[4])<<24|uint32(body[5])<<16|uint32(body[6])<<8|uint32(body[7]) != mtu {
		t.Errorf("icmpv6 %x, want packet too big, mtu %d", body[:8], mtu)
	}
	pseudo := append(append([]byte{}, ip.Contents[8:40]...), 0, 0, byte(len(body)>>8), byte(len(body)), 0, 0, 0, 58)
	if sum := checksum(pseudo, body); sum != 0 {
		t.Errorf("icmpv6 checksum off by %04x", sum)
	}
	if !bytes.Equal(body[8:], quote) {
		t.Errorf("quotes\n%x, want\n%x", body[8:], quote)
	}
}

func TestReflectedFragNeeded(t *testing.T) {
	plain := toClient(harbin4, 1400)
	checkFragNeeded(t, reflected(t, plain, gso{}), harbin4, 1372, plain[14:14+28])

	options := make([]byte, 40)
	for i := range options {
		options[i] = 1 // no operation
	}
	long := v4{src: server4, dst: harbin4, proto: protoUDP, options: options, payload: udp(443, 5555, 1400)}.frame()
	checkFragNeeded(t, reflected(t, long, gso{}), harbin4, 1372, long[14:14+68])

	super := toClient(gansu4, 28+3000)
	checkFragNeeded(t, reflected(t, super, gso{1300, 3}), gansu4, 1248, super[14:14+28])
}

func TestReflectedPacketTooBig(t *testing.T) {
	plain := toClient(harbin6, 1400)
	checkTooBig(t, reflected(t, plain, gso{}), harbin6, 1372, plain[14:14+48])

	extended := v6{src: server6, dst: harbin6, next: 60, payload: ext(protoUDP, 24, udp(443, 5555, 1400))}.frame()
	checkTooBig(t, reflected(t, extended, gso{}), harbin6, 1372, extended[14:14+72])

	super := toClient(harbin6, 48+3000)
	checkTooBig(t, reflected(t, super, gso{1400, 3}), harbin6, 1372, super[14:14+48])
}

func TestPacketTooBigNeverSaysLessThanIPv6Allows(t *testing.T) {
	plain := toClient(gansu6, 1300)
	checkTooBig(t, reflected(t, plain, gso{}), gansu6, 1280, plain[14:14+48])
}
