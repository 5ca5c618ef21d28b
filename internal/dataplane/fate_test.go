package dataplane

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"quicedge/internal/path"
)

// fate is what must become of a frame, as the RFCs are read in Go.
type fate string

const (
	goesOn   fate = "goes on"
	screened fate = "is screened"
	tooLarge fate = "is too large"
)

// found is a UDP datagram in a frame, as far as there are bytes of it.
type found struct {
	l3, l4   int // where the IP and the UDP header are
	src, dst netip.Addr
}

// fateOf is what must become of a frame at a hook of programs with those settings.
func fateOf(snap *path.Snapshot, cfg Config, link int, hook string, frame []byte, g gso) fate {
	l3, version := findIP(frame, link)
	f, ok := findUDP(frame, l3, version)
	if !ok {
		return goesOn
	}
	sport, dport := binary.BigEndian.Uint16(frame[f.l4:]), binary.BigEndian.Uint16(frame[f.l4+2:])
	served := func(port uint16) bool { return port == 443 || port == 8443 }
	switch {
	case hook == "ingress" && served(dport) && !cfg.NoScreen && isScreened(frame[f.l4:], g):
		return screened
	case hook == "egress" && served(sport) && exceeds(snap.Lookup(f.dst).Profile.MTU, frame, f, g):
		return tooLarge
	}
	return goesOn
}

// findIP finds the IP header behind at most two tags, and says which version it must be; 0 where it is none.
func findIP(frame []byte, link int) (l3 int, version byte) {
	if link == 0 {
		return 0, frame[0] >> 4
	}
	at := 12
	for range 2 {
		if kind := binary.BigEndian.Uint16(frame[at:]); kind != tagC>>16 && kind != tagS>>16 {
			break
		}
		if at += 4; at+2 > len(frame) {
			return 0, 0
		}
	}
	switch binary.BigEndian.Uint16(frame[at:]) {
	case etherIPv4:
		return at + 2, 4
	case etherIPv6:
		return at + 2, 6
	}
	return 0, 0
}

// findUDP finds a whole UDP header of a datagram, or of its first fragment.
func findUDP(frame []byte, l3 int, version byte) (f found, ok bool) {
	ip := frame[l3:]
	f.l3 = l3
	switch {
	case version == 4 && len(ip) >= 20 && ip[0]>>4 == 4 && ip[0]&15 >= 5:
		f.src, f.dst = address(ip[12:16]), address(ip[16:20])
		if ip[9] != protoUDP || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
			return f, false
		}
		f.l4 = l3 + 4*int(ip[0]&15)
	case version == 6 && len(ip) >= 40 && ip[0]>>4 == 6:
		f.src, f.dst = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
		behind, ok := behindExtensions(ip[40:], ip[6])
		if !ok {
			return f, false
		}
		f.l4 = l3 + 40 + behind
	default:
		return f, false
	}
	return f, f.l4+8 <= len(frame)
}

// behindExtensions is where UDP begins behind at most six extension headers.
func behindExtensions(b []byte, next byte) (at int, ok bool) {
	for range 7 {
		if !slices.Contains([]byte{0, 43, 44, 51, 60}, next) {
			return at, next == protoUDP
		}
		if at+8 > len(b) || next == 44 && binary.BigEndian.Uint16(b[at+2:])&0xfff8 != 0 {
			return 0, false
		}
		kind, length := next, int(b[at+1])
		next = b[at]
		switch kind {
		case 44:
			at += 8
		case 51:
			at += 4 * (length + 2)
		default:
			at += 8 * (length + 1)
		}
	}
	return 0, false
}

// isScreened is RFC 9000, sections 10.3 and 14.1, and RFC 9369, section 3.2, of a datagram from its UDP header on.
func isScreened(udp []byte, g gso) bool {
	size := max(int(binary.BigEndian.Uint16(udp[4:]))-8, 0)
	if binary.BigEndian.Uint16(udp[4:]) == 0 {
		size = len(udp) - 8
	}
	if g.size > 0 {
		size = int(g.size)
	}
	if size < 21 {
		return true
	}
	payload := udp[8:]
	if len(payload) < 6 || payload[0]&0x80 == 0 || size >= 1200 {
		return false
	}
	kind := payload[0] >> 4 & 3
	switch binary.BigEndian.Uint32(payload[1:]) {
	case quic1:
		return kind == 0
	case quic2:
		return kind == 1
	}
	return false
}

// exceeds reports whether a packet of what goes over the wire is larger than an MTU; 0: there is none.
func exceeds(mtu uint16, frame []byte, f found, g gso) bool {
	largest := len(frame) - f.l3
	if g.size > 0 {
		largest = min(largest, f.l4+8-f.l3+int(g.size))
	}
	return mtu > 0 && largest > int(mtu)
}

// The packets of the table, whose fate is written beside them, have the fate that is read in Go.
func TestFateIsThatOfTheTable(t *testing.T) {
	snap := testSnapshot(t)
	for _, g := range packetTable() {
		link := 14
		if g.bare {
			link = 0
		}
		for _, c := range g.cases {
			want := goesOn
			switch c.reason {
			case "screened-short", "screened-initial":
				want = screened
			case "clamped", "clamped-silent":
				want = tooLarge
			}
			if got := fateOf(snap, g.cfg, link, g.hook, c.frame, c.gso); got != want {
				t.Errorf("%s/%s/%s %s, want one that %s", g.hook, g.name, c.name, got, want)
			}
		}
	}
}
