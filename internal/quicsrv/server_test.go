package quicsrv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"quicedge/internal/path"
)

func TestOnePortThreeProtocols(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}), nil)
	for proto, client := range clients(t, cert) {
		resp, err := client.Get("https://" + s.Addr().String() + "/")
		if err != nil {
			t.Errorf("%s: %v", proto, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) != proto || resp.Header.Get("Alt-Svc") != fmt.Sprintf(`h3=":%d"; ma=86400`, s.Port()) {
			t.Errorf("%s: got %q, Alt-Svc %q", proto, body, resp.Header.Get("Alt-Svc"))
		}
	}
}

// echo sends each piece of the body back as it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.EnableFullDuplex()
	_ = rc.Flush() // the client may begin to read
	buf := make([]byte, 1024)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			_, _ = w.Write(buf[:n])
			_ = rc.Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// exchange is an upload in progress whose answer is read at the same time.
type exchange struct {
	body *io.PipeWriter
	resp *http.Response
}

func begin(t *testing.T, client *http.Client, url string) exchange {
	t.Helper()
	read, write := io.Pipe()
	t.Cleanup(func() { _ = write.Close() })
	resp, err := client.Post(url, "", read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return exchange{write, resp}
}

// say sends text and waits for it to come back.
func (x exchange) say(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(x.body, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(x.resp.Body, got); err != nil || string(got) != text {
		t.Fatalf("sent %q, got %q, %v", text, got, err)
	}
}

func TestBothDirectionsAtOnce(t *testing.T) {
	s, cert := start(t, http.HandlerFunc(echo), nil)
	for proto, client := range clients(t, cert) {
		t.Run(proto, func(t *testing.T) {
			x := begin(t, client, "https://"+s.Addr().String()+"/")
			x.say(t, "first")
			x.say(t, "second")
			_ = x.body.Close()
			if rest, err := io.ReadAll(x.resp.Body); len(rest) != 0 || err != nil {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

func TestHeaderOverTheLimitIsRefused(t *testing.T) {
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) { c.MaxHeaderBytes = 4 << 10 })
	for proto, client := range clients(t, cert) {
		r, _ := http.NewRequest("GET", "https://"+s.Addr().String()+"/", nil)
		r.Header.Set("X-Large", strings.Repeat("a", 64<<10))
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != 431 {
				t.Errorf("%s: %d, want 431 or a closed stream", proto, resp.StatusCode)
			}
		}
	}
}

func TestPortInUseLeavesNothingBound(t *testing.T) {
	cfg := Config{TLS: selfSigned(t).TLSConfig(), Handler: http.NotFoundHandler()}
	t.Run("udp", func(t *testing.T) {
		port := listenUDP(t, 0).LocalAddr().(*net.UDPAddr).Port
		refused(t, cfg, port, "udp", "ss -ulpn")
		tcp, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatalf("tcp stayed bound: %v", err)
		}
		_ = tcp.Close()
	})
	t.Run("tcp", func(t *testing.T) {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		port := tcp.Addr().(*net.TCPAddr).Port
		refused(t, cfg, port, "tcp", "ss -tlpn")
		listenUDP(t, port)
	})
}

func refused(t *testing.T, cfg Config, port int, network, cure string) {
	t.Helper()
	cfg.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	s, err := Listen(cfg)
	if err == nil {
		_ = s.Close()
		t.Fatal("listened on a port in use")
	}
	for _, want := range []string{fmt.Sprintf("%s port %d", network, port), cure, "--listen"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v does not wrap EADDRINUSE", err)
	}
}

func TestBadConfig(t *testing.T) {
	cert := selfSigned(t)
	for name, cfg := range map[string]Config{
		"no certificate": {Listen: ":0", Handler: http.NotFoundHandler()},
		"no handler":     {Listen: ":0", TLS: cert.TLSConfig()},
		"no port":        {Listen: "localhost", TLS: cert.TLSConfig(), Handler: http.NotFoundHandler()},
		"port too large": {Listen: ":70000", TLS: cert.TLSConfig(), Handler: http.NotFoundHandler()},
		"not an address": {Listen: "192.0.2.1:0", TLS: cert.TLSConfig(), Handler: http.NotFoundHandler()},
	} {
		if s, err := Listen(cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s, err := Listen(Config{Listen: "127.0.0.1:0", TLS: selfSigned(t).TLSConfig(), Handler: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := s.Serve(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("serve after close: %v", err)
	}
	listenUDP(t, int(s.Port()))
}

func TestProfileIsAskedForThePlainAddress(t *testing.T) {
	asked := make(chan string, 1)
	s, cert := start(t, http.NotFoundHandler(), func(c *Config) {
		c.Listen = ":0" // dual stack: IPv4 comes mapped
		c.Profile = profileThat(func(addr string) { asked <- addr })
	})
	conn, err := dialQUIC(t, fmt.Sprintf("127.0.0.1:%d", s.Port()), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	select {
	case addr := <-asked:
		if addr != "127.0.0.1" {
			t.Errorf("asked for %s", addr)
		}
	case <-time.After(patience):
		t.Error("never asked")
	}
	if path.MaxInitial != 1452 {
		t.Errorf("path.MaxInitial is %d: quic-go's buffers hold 1452", path.MaxInitial)
	}
}
