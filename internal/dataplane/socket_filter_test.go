package dataplane

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"quicedge/bpf"
	"quicedge/internal/class"
)

// filtered is a server's socket with the filter, and clients of both families. What the sentinel follows has been judged.
type filtered struct {
	*socketLab
	conn     *net.UDPConn
	sentinel string
	clients  map[netip.Addr]*net.UDPConn
}

func newFiltered(t testing.TB) *filtered {
	t.Helper()
	l := newSocketLab(t)
	f := &filtered{socketLab: l, conn: l.serve(netip.AddrPortFrom(netip.IPv6Unspecified(), socketPort)), clients: make(map[netip.Addr]*net.UDPConn)}
	if err := l.steering.AttachFilter(f.conn); err != nil {
		t.Fatal(err)
	}
	for _, a := range []netip.Addr{harbin4, harbin6} {
		f.clients[a] = l.clientSocket(a, 0)
	}
	f.sentinel = string(longHeader(0xc0, quicForeign, []byte("the last"), 1300))
	return f
}

func (f *filtered) serverOf(client netip.Addr) netip.AddrPort {
	if client.Is4() {
		return netip.AddrPortFrom(server4, socketPort)
	}
	return netip.AddrPortFrom(server6, socketPort)
}

// check sends a datagram and compares what became of it, and what was counted, byte for byte.
func (f *filtered) check(t *testing.T, client netip.Addr, b []byte, want bpf.DataplaneReason) {
	t.Helper()
	before := f.exits(bpf.DataplaneHookHOOK_SOCKET)
	from, to := f.clients[client], f.serverOf(client)
	sendTo(t, from, to, b)
	sendTo(t, from, to, []byte(f.sentinel))
	got := receiveUntil(t, f.conn, f.sentinel)
	if passed := want == bpf.DataplaneReasonREASON_PASS; passed != (len(got) == 1) || passed && got[0] != string(b) {
		t.Errorf("%d bytes %.24x: %d datagrams came, want reason %d", len(b), b, len(got), want)
	}
	headers := uint64(28)
	if client.Is6() {
		headers = 48
	}
	wanted := map[exit]bpf.DataplaneCounter{{heilongjiang, bpf.DataplaneReasonREASON_PASS}: {Packets: 1, Bytes: headers + uint64(len(f.sentinel))}}
	e := exit{heilongjiang, want}
	wanted[e] = bpf.DataplaneCounter{Packets: wanted[e].Packets + 1, Bytes: wanted[e].Bytes + headers + uint64(len(b))}
	if counted := f.counted(bpf.DataplaneHookHOOK_SOCKET, before); !maps.Equal(counted, wanted) {
		t.Errorf("%d bytes %.24x: counted %v, want %v", len(b), b, counted, wanted)
	}
}

func TestFilterDropsWhatCannotBeQUIC(t *testing.T) {
	f := newFiltered(t)
	random := []byte("12 letters..")
	own := f.steering.CIDs().New(2, 77)
	for _, tagged := range []bool{false, true} {
		for _, grease := range []bool{false, true} {
			f.steering.change(func(s *SteeringState) { *s = SteeringState{Port: socketPort, Tagged: tagged, Grease: grease} })
			unfixed, stranger := bpf.DataplaneReasonREASON_SCREENED_FIXED_BIT, bpf.DataplaneReasonREASON_PASS
			if tagged {
				stranger = bpf.DataplaneReasonREASON_SCREENED_CID
			}
			unfixedShort := unfixed
			if grease {
				unfixed, unfixedShort = bpf.DataplaneReasonREASON_PASS, stranger
			}
			for _, c := range []struct {
				name string
				b    []byte
				want bpf.DataplaneReason
			}{
				{"empty", nil, bpf.DataplaneReasonREASON_SCREENED_SHORT},
				{"20 bytes", shortHeader(own, 20), bpf.DataplaneReasonREASON_SCREENED_SHORT},
				{"short header of ours", shortHeader(own, 21), bpf.DataplaneReasonREASON_PASS},
				{"short header of ours, large", shortHeader(own, 1452), bpf.DataplaneReasonREASON_PASS},
				{"short header of a stranger", shortHeader(random, 60), stranger},
				{"fixed bit clear, short header", padded([]byte{1}, 60), unfixedShort},
				{"fixed bit clear, long header", longHeader(0x80, quicV1, random, 1200), unfixed},
				{"initial", longHeader(0xc0, quicV1, random, 1200), bpf.DataplaneReasonREASON_PASS},
				{"initial too small", longHeader(0xc0, quicV1, random, 1199), bpf.DataplaneReasonREASON_SCREENED_INITIAL},
				{"initial of version 2", longHeader(0xd0, quicV2, random, 1200), bpf.DataplaneReasonREASON_PASS},
				{"initial of version 2 too small", longHeader(0xd0, quicV2, random, 1199), bpf.DataplaneReasonREASON_SCREENED_INITIAL},
				{"0-rtt", longHeader(0xd0, quicV1, random, 100), bpf.DataplaneReasonREASON_PASS},
				{"0-rtt of version 2", longHeader(0xe0, quicV2, random, 100), bpf.DataplaneReasonREASON_PASS},
				{"handshake", longHeader(0xe0, quicV1, own, 60), bpf.DataplaneReasonREASON_PASS},
				{"handshake of version 2", longHeader(0xf0, quicV2, own, 60), bpf.DataplaneReasonREASON_PASS},
				{"foreign version", longHeader(0x80, quicForeign, random, 1200), bpf.DataplaneReasonREASON_PASS},
				{"foreign version too small", longHeader(0xc0, quicForeign, random, 1199), bpf.DataplaneReasonREASON_SCREENED_VERSION},
				{"version negotiation", longHeader(0xc0, 0, random, 1300), bpf.DataplaneReasonREASON_SCREENED_VERSION},
			} {
				for client := range f.clients {
					t.Run(fmt.Sprintf("%s/tagged=%v/grease=%v/%s", c.name, tagged, grease, client), func(t *testing.T) { f.check(t, client, c.b, c.want) })
				}
			}
		}
	}
}

// Another server of the host makes connection IDs of its own.
func TestTagsAreAskedOfTheirServersPortAlone(t *testing.T) {
	f := newFiltered(t)
	f.steering.change(func(s *SteeringState) { *s = SteeringState{Port: socketPort + 1, Tagged: true} })
	f.check(t, harbin4, shortHeader([]byte("12 letters.."), 60), bpf.DataplaneReasonREASON_PASS)
}

func TestFilterJudgesEveryLength(t *testing.T) {
	f := newFiltered(t)
	f.steering.change(func(s *SteeringState) { *s = SteeringState{Port: socketPort, Tagged: true} })
	state, err := f.steering.State()
	if err != nil {
		t.Fatal(err)
	}
	own := f.steering.CIDs().New(0, 0)
	for _, whole := range [][]byte{
		longHeader(0xc0, quicV1, own, 1201), longHeader(0xe0, quicV2, own, 40), longHeader(0xc0, quicForeign, own, 1201),
		shortHeader(own, 40), shortHeader([]byte("12 letters.."), 40),
	} {
		for n := range len(whole) {
			if n > 45 && n < 1195 {
				continue
			}
			for client := range f.clients {
				f.check(t, client, whole[:n], screening(f.steering.CIDs(), state, socketPort, whole[:n]))
			}
		}
	}
}

// Random datagrams, most of them nearly right, are judged as the RFCs are read in Go.
func TestFilterAgreesWithTheRFCsReadInGo(t *testing.T) {
	f := newFiltered(t)
	r := rand.New(rand.NewPCG(7, 8))
	versions := []uint32{0, quicV1, quicV1, quicV2, quicForeign, 1 << 24}
	for range 1500 {
		state := SteeringState{Port: socketPort + uint16(r.IntN(2)), Tagged: r.IntN(2) == 0, Grease: r.IntN(4) == 0}
		f.steering.change(func(s *SteeringState) { *s = state })
		cid := f.steering.CIDs().New(uint8(r.Uint32()), uint8(r.Uint32()))
		if r.IntN(3) == 0 {
			fillRandom(r, cid)
		}
		size := []int{r.IntN(64), 1190 + r.IntN(20)}[r.IntN(2)]
		b := shortHeader(cid, size)
		if r.IntN(2) == 0 {
			b = longHeader(0x80, versions[r.IntN(len(versions))], cid, size)
		}
		if len(b) > 0 {
			b[0] = b[0]&0x80 | byte(r.IntN(128))
		}
		client := []netip.Addr{harbin4, harbin6}[r.IntN(2)]
		f.check(t, client, b, screening(f.steering.CIDs(), state, socketPort, b))
		if t.Failed() {
			t.Fatalf("state %+v", state)
		}
	}
}

func TestFilterClassesTheSource(t *testing.T) {
	f := newFiltered(t)
	b := []byte(f.sentinel)
	for client, id := range map[netip.Addr]class.ID{harbin4: heilongjiang, harbin6: heilongjiang, addr("10.9.0.2"): 0, addr("fd00::2"): 0} {
		before := f.exits(bpf.DataplaneHookHOOK_SOCKET)
		sendTo(t, f.clientSocket(client, 0), f.serverOf(client), b)
		receiveUntil(t, f.conn, f.sentinel)
		got := f.counted(bpf.DataplaneHookHOOK_SOCKET, before)
		if len(got) != 1 || got[exit{id, bpf.DataplaneReasonREASON_PASS}].Packets != 1 {
			t.Errorf("from %s: counted %v, want one of class %s", client, got, id)
		}
	}
}

// A socket with UDP_GRO gets a super-packet as one: its first datagram is judged, and all are counted.
func TestFilterJudgesASuperPacketByItsFirst(t *testing.T) {
	f := newFiltered(t)
	for _, gro := range []int{0, 1} {
		for _, c := range []struct {
			segment int
			want    bpf.DataplaneReason
		}{{1200, bpf.DataplaneReasonREASON_PASS}, {1199, bpf.DataplaneReasonREASON_SCREENED_INITIAL}} {
			for _, client := range []netip.Addr{harbin4, harbin6} {
				t.Run(fmt.Sprintf("gro=%d/%d/%s", gro, c.segment, client), func(t *testing.T) {
					before := f.exits(bpf.DataplaneHookHOOK_SOCKET)
					setsockopt(t, f.conn, unix.IPPROTO_UDP, unix.UDP_GRO, gro)
					setsockopt(t, f.clients[client], unix.IPPROTO_UDP, unix.UDP_SEGMENT, c.segment)
					var super []byte
					for range 4 {
						super = append(super, longHeader(0xc0, quicV1, []byte("12 letters.."), c.segment)...)
					}
					sendTo(t, f.clients[client], f.serverOf(client), super)
					setsockopt(t, f.clients[client], unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0)
					sendTo(t, f.clients[client], f.serverOf(client), []byte(f.sentinel))
					came := receiveUntil(t, f.conn, f.sentinel)
					if n := []int{4, 1}[gro]; c.want == bpf.DataplaneReasonREASON_PASS && len(came) != n {
						t.Errorf("%d datagrams came, want %d", len(came), n)
					}
					headers := 28
					if client.Is6() {
						headers = 48
					}
					want := map[exit]bpf.DataplaneCounter{{heilongjiang, bpf.DataplaneReasonREASON_PASS}: {Packets: 1, Bytes: uint64(headers + len(f.sentinel))}}
					e := exit{heilongjiang, c.want}
					want[e] = bpf.DataplaneCounter{Packets: want[e].Packets + 4, Bytes: want[e].Bytes + 4*uint64(headers+c.segment)}
					if got := f.counted(bpf.DataplaneHookHOOK_SOCKET, before); !maps.Equal(got, want) {
						t.Errorf("counted %v, want %v", got, want)
					}
				})
			}
		}
	}
}

// Bytes are counted from the IP header on, however long it is.
func TestFilterCountsHeadersOfAnyLength(t *testing.T) {
	f := newFiltered(t)
	f.withOptions(t, f.clients[harbin4], unix.IPPROTO_IP, unix.IP_OPTIONS, []byte{1, 1, 1, 1, 1, 1, 1, 0})
	f.withOptions(t, f.clients[harbin6], unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, []byte{0, 0, 1, 4, 0, 0, 0, 0})
	for client, headers := range map[netip.Addr]int{harbin4: 28 + 8, harbin6: 48 + 8} {
		before := f.exits(bpf.DataplaneHookHOOK_SOCKET)
		sendTo(t, f.clients[client], f.serverOf(client), []byte(f.sentinel))
		receiveUntil(t, f.conn, f.sentinel)
		want := map[exit]bpf.DataplaneCounter{{heilongjiang, bpf.DataplaneReasonREASON_PASS}: {Packets: 1, Bytes: uint64(headers + len(f.sentinel))}}
		if got := f.counted(bpf.DataplaneHookHOOK_SOCKET, before); !maps.Equal(got, want) {
			t.Errorf("from %s: counted %v, want %v", client, got, want)
		}
	}
}

func (f *filtered) withOptions(t *testing.T, conn *net.UDPConn, level, opt int, value []byte) {
	t.Helper()
	if err := control(conn, func(fd int) error { return unix.SetsockoptString(fd, level, opt, string(value)) }); err != nil {
		t.Fatal(err)
	}
}

// Kernels before 6.8 let a socket's filter take 20,480 bytes (net.core.optmem_max), eight an instruction.
func TestFilterIsSmallEnoughForOldKernels(t *testing.T) {
	l := newSocketLab(t)
	info, err := l.steering.filter.Info()
	if err != nil {
		t.Fatal(err)
	}
	size, err := info.TranslatedSize()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", size)
	if size > 18<<10 {
		t.Errorf("the filter takes %d bytes of 20,480", size)
	}
}

func TestFilterCountsInitialsThatPass(t *testing.T) {
	f := newFiltered(t)
	random := []byte("12 letters..")
	for _, b := range [][]byte{
		longHeader(0xc0, quicV1, random, 1200), longHeader(0xc0, quicV1, random, 1300), longHeader(0xd0, quicV2, random, 1200),
		longHeader(0xc0, quicV1, random, 1199), longHeader(0xe0, quicV1, random, 1200), shortHeader(random, 60),
	} {
		sendTo(t, f.clients[harbin4], f.serverOf(harbin4), b)
	}
	sendTo(t, f.clients[harbin4], f.serverOf(harbin4), []byte(f.sentinel))
	receiveUntil(t, f.conn, f.sentinel)
	stats, err := f.plane.Stats()
	if err != nil {
		t.Fatal(err)
	}
	var got ClassStats
	for _, c := range stats.Classes {
		if c.Hook == "socket" {
			got = c
		}
	}
	if got.Class != heilongjiang || got.Packets != 7 || got.Initials != 3 || got.Screened != 1 {
		t.Errorf("counted %+v, want 7 packets of class %s, 3 initials, 1 screened", got, heilongjiang)
	}
}
