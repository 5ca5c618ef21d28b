package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"quicedge/internal/netnstest"
)

// surfer is a roamer that speaks HTTP/3.
type surfer struct {
	*roamer
	h3 *http3.ClientConn
}

// surf connects a client to the node. The test closes it at its end.
func surf(t *testing.T, ns netnstest.NS) (*surfer, error) {
	t.Helper()
	s := &surfer{roamer: &roamer{lab: &steerLab{t: t, ns: ns}}}
	if err := s.rebind(); err != nil {
		return nil, err
	}
	t.Cleanup(s.close)
	to, err := net.ResolveUDPAddr("udp", echoServer)
	if err != nil {
		return nil, err
	}
	s.tr = &quic.Transport{Conn: s.roamer}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conf := &quic.Config{HandshakeIdleTimeout: patience} // a process that starts on a busy machine takes its time
	s.quic, err = s.tr.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}}, conf)
	if err != nil {
		return nil, err
	}
	s.h3 = (&http3.Transport{}).NewClientConn(s.quic)
	return s, s.get()
}

// get asks for something small, or for nothing that is there.
func (s *surfer) get() error {
	_, err := s.fetch("/", echoWithin)
	return err
}

// migrate moves the connection to another socket, as RFC 9000, section 9 has it: after a probe, under another connection ID.
func (s *surfer) migrate() error {
	other := &roamer{lab: s.lab}
	if err := other.rebind(); err != nil {
		return err
	}
	other.tr = &quic.Transport{Conn: other}
	s.lab.t.Cleanup(other.close)
	path, err := s.quic.AddPath(other.tr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), echoWithin)
	defer cancel()
	if err := path.Probe(ctx); err != nil {
		return err
	}
	return path.Switch()
}

// download asks for a file of so many bytes.
func (s *surfer) download(name string, size int64) error {
	got, err := s.fetch(name, patience)
	if err == nil && got != size {
		err = fmt.Errorf("%d bytes came, want %d", got, size)
	}
	return err
}

func (s *surfer) fetch(name string, within time.Duration) (size int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+echoServer+name, nil)
	if err != nil {
		return 0, err
	}
	resp, err := s.h3.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return io.Copy(io.Discard, resp.Body)
}

// TestTheNodesWorkersKeepRebindingClients changes the ports of 200 clients of a node with four workers, which the kernel steers for or
// which hand over to each other.
func TestTheNodesWorkersKeepRebindingClients(t *testing.T) {
	const clients = 200
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a client here is no *net.UDPConn
	for iface, steered := range map[string]string{"lo": "4, steered by the kernel", "none": "4, steered by the workers"} {
		t.Run(steered, func(t *testing.T) {
			netnstest.NeedBPF(t)
			n := place(t, netnstest.New(t))
			n.start("--iface", iface, "--workers", "4", "--prefixes", demo, "--video-worker", "/nowhere")
			if !strings.Contains(n.stdout.String(), steered) {
				t.Fatalf("want workers %s:\n%s", steered, n.stdout)
			}
			succeeded, err := each(make([]*roamer, clients), func(*roamer) error {
				s, err := surf(t, n.ns)
				if err != nil {
					return err
				}
				for range 2 {
					if err := s.rebind(); err != nil {
						return err
					}
					if err := s.get(); err != nil {
						return err
					}
				}
				return nil
			})
			t.Logf("%d of %d connections live on", succeeded, clients)
			if succeeded != clients {
				t.Errorf("%d of %d connections live on: %v", succeeded, clients, err)
			}
			if code := n.stop(); code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
		})
	}
}
