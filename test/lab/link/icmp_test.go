package link

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
)

func TestSenderIsToldOfThePathMTU(t *testing.T) {
	const rtt = 50 * time.Millisecond
	l := newLab(t, 1, Settings{Up: Path{Delay: 20 * time.Millisecond}, Down: Path{Delay: 30 * time.Millisecond, MTU: 1300, ICMP: true}})
	for _, tt := range []struct{ edge, client netip.Addr }{{edge4, client4}, {edge6, client6}} {
		sent := datagram(t, port(tt.edge, 443), port(tt.client, 5000), 1400)
		l.send(0, Down, sent)
		got := l.collect(Down, never)
		if len(got) != 1 || !got[0].back || got[0].at != rtt {
			t.Fatalf("%s: %v", tt.edge, got)
		}
		p := read(t, got[0].bytes)
		var told int
		var quoted []byte
		if icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
			told, quoted = int(icmp.Seq), icmp.Payload
			if want := layers.CreateICMPv4TypeCode(3, 4); icmp.TypeCode != want || len(got[0].bytes) > 576 {
				t.Errorf("%s in %d bytes", icmp.TypeCode, len(got[0].bytes))
			}
		} else if icmp, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok {
			told, quoted = int(binary.BigEndian.Uint32(icmp.Payload)), icmp.Payload[4:]
			if want := layers.CreateICMPv6TypeCode(2, 0); icmp.TypeCode != want || len(got[0].bytes) > 1280 {
				t.Errorf("%s in %d bytes", icmp.TypeCode, len(got[0].bytes))
			}
		}
		if told != 1300 || len(quoted) < 28 || string(quoted) != string(sent[:len(quoted)]) {
			t.Errorf("%s: told %d, quoting %d bytes", tt.edge, told, len(quoted))
		}
		if dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw()); dst != tt.edge {
			t.Errorf("sent to %s", dst)
		}
	}
	if c := l.Counters(Down); c.Told != 2 || c.Lost[MTU] != 2 {
		t.Errorf("%+v", c)
	}
}

func TestNobodyIsToldOfWhatMayBeFragmentedOrIsAnError(t *testing.T) {
	l := newLab(t, 1, Settings{Down: Path{MTU: 500, ICMP: true}})
	fragmentable := datagram(t, port(edge4, 443), port(client4, 5000), 600)
	fragmentable[6] &^= 0x40
	failure := datagram(t, port(edge4, 443), port(client4, 5000), 600)
	failure[9] = 1 // ICMP
	failure6 := datagram(t, port(edge6, 443), port(client6, 5000), 600)
	failure6[6], failure6[40] = 58, 1 // ICMPv6, Destination Unreachable
	for _, b := range [][]byte{fragmentable, failure, failure6} {
		l.send(0, Down, b)
	}
	if got := l.collect(Down, never); len(got) != 0 || l.Counters(Down).Lost[MTU] != 3 || l.Counters(Down).Told != 0 {
		t.Errorf("%v, %+v", got, l.Counters(Down))
	}
}
