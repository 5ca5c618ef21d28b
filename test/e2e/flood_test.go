package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/netnstest"
)

// A node of these tests has one link, to a namespace in which all others are: 198.51.100.7 is a client, any other address is made up.
const (
	floodedAddr = "10.9.0.1"
	floodedFrom = "198.51.100.7"
	floodedURL  = "https://" + floodedAddr + ":443/"
)

// mostGrown is what a flood may add to a node's memory: its heap grows by 64 MiB before it is collected at all, and by as much as is in use
// afterwards.
const mostGrown = 256 << 20

// flooded starts a node and returns the namespace of its clients.
func flooded(t *testing.T, args ...string) (*node, netnstest.NS) {
	t.Helper()
	netnstest.NeedBPF(t)
	edge, world := netnstest.New(t), netnstest.New(t)
	netnstest.Veth(t,
		netnstest.End{NS: edge, Name: "edge0", Addrs: []string{floodedAddr + "/24"}, Routes: []netnstest.Route{{To: "0.0.0.0/0", Via: "10.9.0.2"}}},
		netnstest.End{NS: world, Name: "world0", Addrs: []string{"10.9.0.2/24", floodedFrom + "/24"}})
	n := place(t, edge)
	n.start(append([]string{"--iface", "edge0", "--video-worker", "/nowhere"}, args...)...)
	return n, world
}

// TestFloodOfForgedInitialsLeavesClientsAlone sends Initials that look like those of clients, and such that do not, from addresses all over
// the world and from the client's own network, while new clients come.
func TestFloodOfForgedInitialsLeavesClientsAlone(t *testing.T) {
	n, world := flooded(t)
	from := newSpoofer(t, world, "world0", n.ns, "edge0")
	if err := visit(t, world); err != nil {
		t.Fatal(err)
	}
	before := n.memory("VmRSS")
	h, err := newClientHello()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the node answers them", func(t *testing.T) {
		packet, err := h.initial()
		answers := sniff(t, world, "world0", 443)
		if err == nil {
			err = from.send([4]byte{20, 1, 2, 3}, [4]byte{10, 9, 0, 1}, 4433, 443, packet)
		}
		if err != nil {
			t.Fatal(err)
		}
		n.until("an answer to a forged Initial", func() bool { _, count := answers.largest(); return count > 0 })
	})
	flood := make(chan error, 1)
	total := times(40_000, 1_000_000)
	go func() { flood <- n.forge(from, h, total) }()

	var mu sync.Mutex
	came, served, failures := 0, 0, map[string]int{}
	var clients sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				err := visit(t, world)
				mu.Lock()
				came++
				if err == nil {
					served++
				} else {
					failures[err.Error()]++
				}
				mu.Unlock()
			}
		})
	}
	err = <-flood
	close(over)
	clients.Wait()
	if err != nil {
		t.Fatal(err)
	}
	grown := n.memory("VmHWM") - before
	t.Logf("%d forged Initials: %d of %d clients were served; the node's memory has grown by %d MiB at most", total, served, came, grown>>20)
	if came < 20 || served*100 < came*95 {
		t.Errorf("%d of %d clients were served: %v", served, came, failures)
	}
	if grown > mostGrown {
		t.Errorf("the node's memory has grown by %d MiB", grown>>20)
	}
	if n.metric("quicedge_quic_retries_total") == 0 {
		t.Error("nobody was asked to prove an address: the flood was none")
	}
	if n.metric(`quicedge_quic_refused_total{reason="prefix_connections"}`) != 0 {
		t.Error("clients were refused for addresses that others made up")
	}
}

// forge sends Initials, one of eight of them noise and one of eight of the clients' own network.
func (n *node) forge(s *spoofer, h *clientHello, total int) error {
	to := [4]byte(net.ParseIP(floodedAddr).To4())
	var senders sync.WaitGroup
	const at = 2
	errs := make(chan error, at)
	for sender := range at {
		senders.Go(func() {
			r := rand.New(rand.NewPCG(uint64(sender), 1))
			for i := range total / at {
				packet, err := h.initial()
				if i%8 == 0 {
					packet = noise()
				}
				from := [4]byte{byte(20 + r.IntN(60)), byte(r.IntN(256)), byte(r.IntN(256)), byte(1 + r.IntN(254))}
				if i%8 == 1 {
					from = [4]byte{198, 51, 100, byte(8 + r.IntN(240))}
				}
				if err == nil {
					err = s.send(from, to, uint16(1024+r.IntN(60000)), 443, packet)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	senders.Wait()
	close(errs)
	return <-errs
}

// visit is a new client's first request.
func visit(t *testing.T, world netnstest.NS) error {
	c, err := guest(t, world, nil)
	if err != nil {
		return err
	}
	defer c.leave()
	return c.get()
}

// visitor is a client with a connection of its own.
type visitor struct {
	conn *net.UDPConn
	tr   *quic.Transport
	quic *quic.Conn
	h3   *http3.ClientConn
}

// guest connects a client. wrap may put something between it and its socket.
func guest(t *testing.T, world netnstest.NS, wrap func(*net.UDPConn, *tls.Config) net.PacketConn) (*visitor, error) {
	v := &visitor{}
	err := world.Within(func() (err error) {
		v.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(floodedFrom)})
		return err
	})
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}} // the node's certificate is its own
	v.tr = &quic.Transport{Conn: v.conn}
	if wrap != nil {
		v.tr.Conn = wrap(v.conn, conf)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	to := &net.UDPAddr{IP: net.ParseIP(floodedAddr), Port: 443}
	if v.quic, err = v.tr.Dial(ctx, to, conf, &quic.Config{HandshakeIdleTimeout: 10 * time.Second}); err != nil {
		v.leave()
		return nil, err
	}
	v.h3 = (&http3.Transport{}).NewClientConn(v.quic)
	return v, nil
}

func (v *visitor) get() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, floodedURL, nil)
	if err != nil {
		return err
	}
	resp, err := v.h3.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (v *visitor) leave() {
	if v.quic != nil {
		_ = v.quic.CloseWithError(0, "")
	}
	_ = v.tr.Close()
	_ = v.conn.Close()
}

// memory reads a size of the node's process in bytes: VmRSS, or VmHWM, the largest that it has been.
func (n *node) memory(what string) int {
	n.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, what+":"); ok {
			kb, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				n.t.Fatal(err)
			}
			return kb << 10
		}
	}
	n.t.Fatalf("the node has no %s", what)
	return 0
}

// metric reads one value of /metrics.
func (n *node) metric(name string) float64 {
	n.t.Helper()
	_, text := n.get("http://localhost:8080/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				n.t.Fatal(err)
			}
			return v
		}
	}
	n.t.Fatalf("no metric %s", name)
	return 0
}
