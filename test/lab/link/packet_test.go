package link

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var (
	client4, edge4 = netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("198.18.0.1")
	client6, edge6 = netip.MustParseAddr("fd00:0:1::7"), netip.MustParseAddr("fdee::1")
	everyone       = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/16")}
)

// datagram makes a UDP packet of so many bytes with IP header.
func datagram(t testing.TB, src, dst netip.AddrPort, size int) []byte {
	t.Helper()
	return build(t, src.Addr(), dst.Addr(), layers.IPProtocolUDP, func(ip gopacket.NetworkLayer) (gopacket.SerializableLayer, int) {
		udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		return udp, size - 8
	})
}

// segment makes a TCP packet of so many bytes with IP header.
func segment(t testing.TB, src, dst netip.AddrPort, size int) []byte {
	t.Helper()
	return build(t, src.Addr(), dst.Addr(), layers.IPProtocolTCP, func(ip gopacket.NetworkLayer) (gopacket.SerializableLayer, int) {
		tcp := &layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), ACK: true, Window: 100}
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		return tcp, size - 20
	})
}

func build(t testing.TB, src, dst netip.Addr, proto layers.IPProtocol, above func(gopacket.NetworkLayer) (gopacket.SerializableLayer, int)) []byte {
	t.Helper()
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	head := 20
	if src.Is4() {
		ip = &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		head = 40
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	l, room := above(ip)
	payload := make([]byte, room-head)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, l, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// read decodes an IP packet and checks every checksum in it.
func read(t testing.TB, b []byte) gopacket.Packet {
	t.Helper()
	first := layers.LayerTypeIPv4
	if b[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(b, first, gopacket.Default)
	if bad := p.ErrorLayer(); bad != nil {
		t.Fatalf("decode: %v", bad.Error())
	}
	for _, l := range p.Layers() {
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err, wrong := p.VerifyChecksums(); err != nil || len(wrong) > 0 {
		t.Errorf("checksums: %v, %+v", err, wrong)
	}
	return p
}

// arrival is a packet that came out of a network.
type arrival struct {
	at    time.Duration
	back  bool
	bytes []byte
}

// lab is a network with one link for everyone, in virtual time.
type lab struct {
	*Network
	*Link
}

func newLab(t testing.TB, seed uint64, s Settings) lab {
	t.Helper()
	n, err := New(seed, []Class{{Name: "44/CUCC", Prefixes: everyone, Settings: s}})
	if err != nil {
		t.Fatal(err)
	}
	return lab{n, n.Link("44/CUCC")}
}

// send offers a copy of a packet.
func (l lab) send(now time.Duration, d Direction, packet []byte) {
	b := l.lines[d].buffer()
	l.Network.offer(now, d, b[:copy(b, packet)])
}

// collect returns what arrives by then.
func (l lab) collect(d Direction, until time.Duration) (all []arrival) {
	for {
		at, ok := l.next(d)
		if !ok || at > until {
			return all
		}
		l.deliver(at, d, func(back bool, b []byte) {
			all = append(all, arrival{at, back, append([]byte(nil), b...)})
		})
	}
}

func port(a netip.Addr, p uint16) netip.AddrPort { return netip.AddrPortFrom(a, p) }
