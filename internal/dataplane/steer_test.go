package dataplane

import (
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"quicedge/bpf"
)

// fleet is the sockets of a server, over all its generations, and what comes to them.
type fleet struct {
	*socketLab
	addr    netip.AddrPort
	arrived chan arrival
	sent    uint64
}

// arrival is a datagram that came to a socket.
type arrival struct {
	at   string // the socket's name
	body string
}

// server is a generation that has been committed, or not yet.
type server struct {
	*Generation
	conns []*net.UDPConn
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	return &fleet{socketLab: newSocketLab(t), addr: netip.AddrPortFrom(netip.IPv6Unspecified(), socketPort), arrived: make(chan arrival, 1024)}
}

// start opens the sockets of a process, and lets them join. name is put before the socket's number.
func (f *fleet) start(name string, sockets int) *server {
	f.t.Helper()
	g, err := f.steering.NextGeneration(sockets)
	if err != nil {
		f.t.Fatal(err)
	}
	s := &server{Generation: g}
	for i := range sockets {
		conn := f.listen(name + string(rune('0'+i)))
		if err := g.Join(conn, i); err != nil {
			f.t.Fatal(err)
		}
		s.conns = append(s.conns, conn)
	}
	return s
}

// commit is start and Commit.
func (f *fleet) commit(name string, sockets int) *server {
	f.t.Helper()
	s := f.start(name, sockets)
	if err := s.Commit(); err != nil {
		f.t.Fatal(err)
	}
	return s
}

// listen opens a socket, of which arrivals are told by name.
func (f *fleet) listen(name string) *net.UDPConn {
	f.t.Helper()
	conn := f.serve(f.addr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			f.arrived <- arrival{name, string(b[:n])}
		}
	}()
	f.t.Cleanup(func() { conn.Close(); <-done })
	return conn
}

// reaches sends a datagram of which no two are the same, and returns the socket that it came to.
func (f *fleet) reaches(from *net.UDPConn, b []byte) string {
	f.t.Helper()
	to := netip.AddrPortFrom(server4, socketPort)
	if from.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Is6() {
		to = netip.AddrPortFrom(server6, socketPort)
	}
	f.sent++
	b = binary.BigEndian.AppendUint64(slices.Clone(b), f.sent)
	sendTo(f.t, from, to, b)
	select {
	case a := <-f.arrived:
		if a.body != string(b) {
			f.t.Errorf("%d bytes came that were not sent", len(a.body))
		}
		return a.at
	case <-time.After(5 * time.Second):
		f.t.Fatal("a datagram did not arrive")
		return ""
	}
}

// steered checks what was counted since before.
func (f *fleet) steered(before map[exit]bpf.DataplaneCounter, want map[exit]uint64) {
	f.t.Helper()
	got := make(map[exit]uint64)
	for e, c := range f.counted(bpf.DataplaneHookHOOK_REUSEPORT, before) {
		got[e] = c.Packets
	}
	if !maps.Equal(got, want) {
		f.t.Errorf("counted %v, want %v", got, want)
	}
}

const (
	steered = bpf.DataplaneReasonREASON_STEERED
	byHash  = bpf.DataplaneReasonREASON_STEERED_BY_HASH
	wasGone = bpf.DataplaneReasonREASON_STEERED_GONE
)

func TestConnectionIDsFindTheirSocketFromAnyAddress(t *testing.T) {
	f := newFleet(t)
	s := f.commit("a", 4)
	before := f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	var sent uint64
	for socket := range uint8(4) {
		want := "a" + string(rune('0'+socket))
		for _, client := range []netip.Addr{harbin4, harbin6} {
			for range 8 {
				conn, cid := f.clientSocket(client, 0), f.steering.CIDs().New(s.Number(), socket)
				for _, b := range [][]byte{shortHeader(cid, 60), longHeader(0xe0, quicV1, cid, 60), longHeader(0xc0, quicForeign, cid, 1200)} {
					if at := f.reaches(conn, b); at != want {
						t.Errorf("%.20x from %s came to %s, want %s", b, conn.LocalAddr(), at, want)
					}
					sent++
				}
			}
		}
	}
	f.steered(before, map[exit]uint64{{heilongjiang, steered}: sent})
}

// What carries no connection ID of ours goes by the hash: always to one socket from one address, and to all of them over all.
func TestOthersGoByTheHash(t *testing.T) {
	f := newFleet(t)
	f.commit("a", 4)
	before := f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	forged := f.steering.CIDs().New(1, 1)
	forged[0] ^= 1
	packets := [][]byte{
		longHeader(0xc0, quicV1, []byte("8 random"), 1200), longHeader(0xc0, quicV1, []byte("12 letters.."), 1200),
		longHeader(0xd0, quicV1, []byte("8 random"), 100), longHeader(0xc0, 0, nil, 30), shortHeader(forged, 60),
		shortHeader(nil, 1),
		{},
	}
	seen := make(map[string]int)
	for range 40 {
		conn := f.clientSocket(harbin4, 0)
		at := f.reaches(conn, packets[0])
		for _, b := range packets {
			if again := f.reaches(conn, b); again != at {
				t.Errorf("%.20x came to %s, and those before to %s", b, again, at)
			}
		}
		seen[at]++
	}
	if len(seen) != 4 {
		t.Errorf("40 addresses came to %v, want all of 4 sockets", seen)
	}
	f.steered(before, map[exit]uint64{{heilongjiang, byHash}: 40 * uint64(1+len(packets))})
}

func TestANewGenerationTakesWhatIsNewAndLeavesTheOldWhatItHas(t *testing.T) {
	f := newFleet(t)
	old := f.commit("a", 3)
	fresh := f.start("b", 4)
	for range 20 {
		if at := f.reaches(f.clientSocket(harbin4, 0), longHeader(0xc0, quicV1, nil, 1200)); at[0] != 'a' {
			t.Errorf("a new connection came to %s before the generation was committed", at)
		}
	}
	if err := fresh.Commit(); err != nil {
		t.Fatal(err)
	}
	before := f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	for range 40 {
		conn := f.clientSocket(harbin4, 0)
		if at := f.reaches(conn, longHeader(0xc0, quicV1, nil, 1200)); at[0] != 'b' {
			t.Errorf("a new connection came to %s", at)
		}
		if at := f.reaches(conn, shortHeader(f.steering.CIDs().New(old.Number(), 2), 60)); at != "a2" {
			t.Errorf("an old connection came to %s", at)
		}
	}
	f.steered(before, map[exit]uint64{{heilongjiang, byHash}: 40, {heilongjiang, steered}: 40})

	for _, conn := range old.conns { // the old process ends
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before = f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	for range 40 {
		if at := f.reaches(f.clientSocket(harbin6, 0), shortHeader(f.steering.CIDs().New(old.Number(), 2), 60)); at[0] != 'b' {
			t.Errorf("a connection of a server that ended came to %s", at)
		}
	}
	f.steered(before, map[exit]uint64{{heilongjiang, wasGone}: 40})
}

// Of four sockets one is closed: its connections, and what the hash would have sent it, go to others that are open.
func TestAClosedSocketLeavesByItself(t *testing.T) {
	f := newFleet(t)
	s := f.commit("a", 4)
	if err := s.conns[1].Close(); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if at := f.reaches(f.clientSocket(harbin4, 0), longHeader(0xc0, quicV1, nil, 1200)); at == "a1" {
			t.Error("came to a closed socket")
		}
	}
	before := f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	if at := f.reaches(f.clientSocket(harbin4, 0), shortHeader(f.steering.CIDs().New(s.Number(), 1), 60)); at == "a1" {
		t.Error("came to a closed socket")
	}
	f.steered(before, map[exit]uint64{{heilongjiang, wasGone}: 1})
}

func TestLeavingGivesAGenerationUp(t *testing.T) {
	f := newFleet(t)
	old := f.commit("a", 2)
	if err := f.start("b", 2).Leave(); err != nil {
		t.Fatal(err)
	}
	if state, err := f.steering.State(); err != nil || state != (SteeringState{Generation: old.Number(), Sockets: 2, Port: socketPort}) {
		t.Errorf("%+v, %v", state, err)
	}
	if empty, err := f.steering.empty(old.Number() + 1); err != nil || !empty {
		t.Errorf("sockets stayed behind: %v", err)
	}
	if err := old.Leave(); err != nil { // and one in force leaves the kernel's own choice
		t.Fatal(err)
	}
	f.reaches(f.clientSocket(harbin4, 0), shortHeader(f.steering.CIDs().New(old.Number(), 1), 60))
}

// A load on top keeps the key and the sockets; programs on sockets stay as they are, and go on.
func TestUpgradeKeepsSteering(t *testing.T) {
	f := newFleet(t)
	s := f.commit("a", 2)
	cid := f.steering.CIDs().New(s.Number(), 1)
	f.plane = f.mustLoad(testSnapshot(t))
	again := f.openSteering()
	if g, socket, ok := again.CIDs().Parse(cid); !ok || g != s.Number() || socket != 1 {
		t.Errorf("after an upgrade %x names generation %d, socket %d, %v", cid, g, socket, ok)
	}
	before := f.exits(bpf.DataplaneHookHOOK_REUSEPORT)
	if at := f.reaches(f.clientSocket(harbin4, 0), shortHeader(cid, 60)); at != "a1" {
		t.Errorf("after an upgrade the datagram came to %s", at)
	}
	f.steered(before, map[exit]uint64{{heilongjiang, steered}: 1})
	if err := s.conns[0].Close(); err != nil {
		t.Fatal(err)
	}
	f.steering = again
	f.commit("b", 2)
	if at := f.reaches(f.clientSocket(harbin4, 0), shortHeader(cid, 60)); at != "a1" {
		t.Errorf("beside a new generation the datagram came to %s", at)
	}
}

func TestUnloadLeavesServersRunning(t *testing.T) {
	f := newFleet(t)
	s := f.commit("a", 2)
	if err := f.unload(); err != nil {
		t.Fatal(err)
	}
	if at := f.reaches(f.clientSocket(harbin4, 0), shortHeader(f.steering.CIDs().New(s.Number(), 1), 60)); at != "a1" {
		t.Errorf("the datagram came to %s", at)
	}
	if _, err := OpenSteering(f.cfg.PinDir); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("open: %v", err)
	}
}

func TestClosedSteeringSaysSo(t *testing.T) {
	l := newSocketLab(t)
	s, err := OpenSteering(l.cfg.PinDir)
	if err != nil {
		t.Fatal(err)
	}
	conn := l.serve(netip.AddrPortFrom(server4, socketPort))
	g, err := s.NextGeneration(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Join(conn, 0), s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, stateErr := s.State()
	_, nextErr := s.NextGeneration(1)
	for _, err := range []error{stateErr, nextErr, s.AttachFilter(conn), s.SetScreening(true, true), g.Leave()} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if g.Join(conn, 0) == nil || g.Commit() == nil {
		t.Error("a generation outlived its Steering")
	}
	if again, err := l.steering.NextGeneration(1); err != nil || again.Number() != g.Number() {
		t.Errorf("what gathered was not given up: %v", err)
	}
}
