package dataplane

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"quicedge/internal/netnstest"
)

// rawSocket sends frames as they are from a device of the edge.
type rawSocket struct{ fd, index int }

func (l *lab) rawSocket(name string) (s rawSocket) {
	l.t.Helper()
	var err error
	l.do(func() {
		var dev device
		if dev, err = findDevice(name); err != nil {
			return
		}
		s.index = dev.index
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1)
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// send sends a frame of which only the first linear bytes need be in one piece, 0: all.
func (s rawSocket) send(t *testing.T, frame []byte, linear int) {
	t.Helper()
	virtio := make([]byte, 10, 10+len(frame)) // struct virtio_net_hdr
	binary.LittleEndian.PutUint16(virtio[2:], uint16(linear))
	err := unix.Sendto(s.fd, append(virtio, frame...), 0, &unix.SockaddrLinklayer{Ifindex: s.index, Protocol: binary.NativeEndian.Uint16(frame[12:])})
	if err != nil {
		t.Fatalf("send %d bytes: %v", len(frame), err)
	}
}

func reasonsAt(t *testing.T, p *Plane, hook string) (all []ReasonStats) {
	t.Helper()
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Reasons {
		if r.Hook == hook {
			all = append(all, r)
		}
	}
	return all
}

// Over a device a frame may be shorter than BPF_PROG_RUN takes, down to its Ethernet header.
func TestFramesOfAnyLength(t *testing.T) {
	l := newLab(t)
	l.wireSpare("spare1")
	l.cfg.Interfaces = []string{"spare1"}
	p := l.mustLoad(testSnapshot(t))
	s := l.rawSocket("spare1")
	before := sum(reasonsAt(t, p, "egress"))
	sent := uint64(0)
	for _, frame := range [][]byte{toClient(harbin4, 200), toClient(harbin6, 200), v6{src: server6, dst: harbin6, payload: ext(protoUDP, 8, udp(443, 5555, 9))}.frame()} {
		for n := 15; n < len(frame); n++ {
			s.send(t, frame[:n], 0)
			sent++
		}
	}
	after := reasonsAt(t, p, "egress")
	if got := sum(after) - before; got < sent { // the kernel itself sends a few, of IPv6
		t.Errorf("%d of %d frames counted", got, sent)
	}
	i := slices.IndexFunc(after, func(r ReasonStats) bool { return r.Reason == "truncated" && r.Packets == 27+47+55 })
	if i < 0 {
		t.Errorf("counted %v", after)
	}
}

func sum(reasons []ReasonStats) (n uint64) {
	for _, r := range reasons {
		n += r.Packets
	}
	return n
}

// Frames whose headers are not in the linear part of the skb are read all the same, and clamped.
func TestHeadersInPagesAreRead(t *testing.T) {
	l := newLab(t)
	l.wireSpare("jumbo0")
	for _, end := range []struct {
		ns   netnstest.NS
		name string
	}{{l.edge, "jumbo0"}, {l.client, "spare0"}} {
		netnstest.Do(t, end.ns, func() {
			dev, err := netlink.LinkByName(end.name)
			if err == nil {
				err = netlink.LinkSetMTU(dev, 9000)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	l.cfg.Interfaces = []string{"jumbo0"}
	p := l.mustLoad(testSnapshot(t))
	s := l.rawSocket("jumbo0")
	options := v4{src: server4, dst: unclamped4, proto: protoUDP, options: make([]byte, 40), payload: udp(443, 5555, 8000)}
	for _, frame := range [][]byte{toClient(unclamped4, 8000), options.frame(), toClient(harbin4, 8000), toClient(harbin6, 8000)} {
		s.send(t, frame, 14)
	}
	got := slices.DeleteFunc(reasonsAt(t, p, "egress"), func(r ReasonStats) bool { return r.Reason == "not-udp" })
	want := []ReasonStats{
		{heilongjiang, "egress", "clamped", 2, 16000},
		{yunnan, "egress", "pass", 2, 8000 + 8068},
	}
	if !slices.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
