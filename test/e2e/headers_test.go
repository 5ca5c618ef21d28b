package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"quicedge/internal/netnstest"
)

const hugeHeader = 10 << 20

// TestHugeHeadersAreRefused sends 10 MB of header over each protocol, on several connections at once.
func TestHugeHeadersAreRefused(t *testing.T) {
	n, world := flooded(t)
	if err := visit(t, world); err != nil {
		t.Fatal(err)
	}
	before := n.memory("VmRSS")
	for name, send := range map[string]func(*testing.T, netnstest.NS) (answer string, err error){
		"HTTP/1.1, one field": func(t *testing.T, w netnstest.NS) (string, error) {
			return http1(t, w, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		},
		"HTTP/1.1, the path":            func(t *testing.T, w netnstest.NS) (string, error) { return http1(t, w, "GET /") },
		"HTTP/2, CONTINUATION frames":   http2Continued,
		"HTTP/3, a frame of all fields": http3Fields,
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			var mu sync.Mutex
			answers := map[string]int{}
			for range times(10, 1000) / 10 {
				for range 10 {
					all.Go(func() {
						answer, err := send(t, world)
						if err != nil {
							answer = "cut off: " + withoutPorts(err)
						}
						mu.Lock()
						defer mu.Unlock()
						answers[answer]++
						if err == nil && !strings.HasPrefix(answer, "431") || errors.Is(err, errConnect) {
							t.Errorf("it was answered %s, %v", answer, err)
						}
					})
				}
				if err := visit(t, world); err != nil {
					t.Errorf("another client: %v", err)
				}
				all.Wait()
			}
			grown := n.memory("VmHWM") - before
			t.Logf("answers: %v; the node's memory has grown by %d MiB at most", answers, grown>>20)
			if grown > mostGrown {
				t.Errorf("the node's memory has grown by %d MiB", grown>>20)
			}
		})
	}
}

var (
	errConnect = errors.New("connect")
	ports      = regexp.MustCompile(`:\d+\b`)
)

func withoutPorts(err error) string { return ports.ReplaceAllString(err.Error(), "") }

// dialTLS connects over TCP.
func dialTLS(t *testing.T, world netnstest.NS, protocol string) (*tls.Conn, error) {
	var conn *tls.Conn
	err := world.Within(func() error {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}} // the node's certificate is its own
		c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(floodedAddr, "443"))
		if err != nil {
			return errors.Join(errConnect, err)
		}
		conn = c.(*tls.Conn)
		return conn.SetDeadline(time.Now().Add(patience))
	})
	return conn, err
}

// http1 sends the begin of a request and then, as part of it, one letter again and again.
func http1(t *testing.T, world netnstest.NS, begin string) (string, error) {
	conn, err := dialTLS(t, world, "http/1.1")
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, begin); err != nil {
		return "", err
	}
	piece := []byte(strings.Repeat("a", 16<<10))
	for sent := 0; sent < hugeHeader && err == nil; sent += len(piece) {
		_, err = conn.Write(piece)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	return resp.Status, resp.Body.Close()
}

// http2Continued sends a header whose frames do not end (RFC 9113, section 6.10).
func http2Continued(t *testing.T, world netnstest.NS) (string, error) {
	c, err := newFramer(t, world)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	var fields strings.Builder
	e := hpack.NewEncoder(&fields)
	for sent, first := 0, true; sent < hugeHeader && err == nil; first = false {
		fields.Reset()
		if first {
			err = errors.Join(c.request(e), err)
		}
		err = errors.Join(err, e.WriteField(hpack.HeaderField{Name: "x", Value: strings.Repeat("ab", 4000), Sensitive: true}))
		if err != nil {
			break
		}
		if sent += fields.Len(); first {
			err = c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(fields.String())})
			continue
		}
		err = c.WriteContinuation(1, false, []byte(fields.String()))
	}
	return c.status()
}

// framer is a client of HTTP/2 frames.
type framer struct {
	*http2.Framer
	conn *tls.Conn
}

func newFramer(t *testing.T, world netnstest.NS) (*framer, error) {
	conn, err := dialTLS(t, world, "h2")
	if err != nil {
		return nil, err
	}
	c := &framer{http2.NewFramer(conn, conn), conn}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err = io.WriteString(conn, http2.ClientPreface); err == nil {
		err = c.WriteSettings()
	}
	return c, err
}

// request encodes the fields that every request has.
func (*framer) request(e *hpack.Encoder) (err error) {
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/"}} {
		err = errors.Join(err, e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	return err
}

// status reads to the first answer.
func (c *framer) status() (string, error) {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return "", err
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status"), nil
		case *http2.GoAwayFrame:
			return "", fmt.Errorf("the node closes the connection: %v", f.ErrCode)
		}
	}
}

func http3Fields(t *testing.T, world netnstest.NS) (string, error) {
	c, err := guest(t, world, nil)
	if err != nil {
		return "", errors.Join(errConnect, err)
	}
	defer c.leave()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, floodedURL, nil)
	if err != nil {
		return "", err
	}
	for i := range hugeHeader / 8000 {
		r.Header.Set(fmt.Sprint("X-", i), strings.Repeat("a", 8000))
	}
	resp, err := c.h3.RoundTrip(r)
	if err != nil {
		return "", err
	}
	return resp.Status, resp.Body.Close()
}
