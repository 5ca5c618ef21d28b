package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"quicedge/internal/netnstest"
)

// TestFloodsOfStreamsAreBounded opens requests and resets them at once, again and again (CVE-2023-44487), and streams that say nothing.
func TestFloodsOfStreamsAreBounded(t *testing.T) {
	n, world := flooded(t)
	if err := visit(t, world); err != nil {
		t.Fatal(err)
	}
	before := n.memory("VmRSS")
	for name, flood := range map[string]func(t *testing.T, world netnstest.NS, streams int) (opened int, err error){
		"HTTP/2, reset":             http2Reset,
		"HTTP/3, reset":             http3Reset,
		"HTTP/3, of one direction":  http3Uni,
		"HTTP/3, begun and left":    http3Left,
		"HTTP/3, reset unused":      http3Unused,
		"HTTP/2, begun and left":    http2Left,
		"HTTP/2, PING and SETTINGS": http2Control,
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			var mu sync.Mutex
			sum, ends := 0, map[string]int{}
			for range 4 {
				all.Go(func() {
					opened, err := flood(t, world, times(5000, 250_000))
					mu.Lock()
					defer mu.Unlock()
					if sum += opened; err != nil {
						ends[withoutPorts(err)]++ // the node has had enough
					}
				})
			}
			for range 5 {
				if err := visit(t, world); err != nil {
					t.Errorf("another client: %v", err)
				}
			}
			all.Wait()
			if err := visit(t, world); err != nil {
				t.Errorf("another client, afterwards: %v", err)
			}
			grown := n.memory("VmHWM") - before
			t.Logf("%d streams, %v; the node's memory has grown by %d MiB at most", sum, ends, grown>>20)
			if sum == 0 || grown > mostGrown {
				t.Errorf("%d streams, and the node's memory has grown by %d MiB", sum, grown>>20)
			}
		})
	}
}

// http2Frames writes frames until the node closes the connection, whose answers it reads meanwhile.
func http2Frames(t *testing.T, world netnstest.NS, streams int, write func(c *framer, fields string, id uint32) error) (opened int, err error) {
	c, err := newFramer(t, world)
	if err != nil {
		return 0, err
	}
	closed := make(chan error, 1)
	go func() {
		for {
			if f, err := c.ReadFrame(); err != nil {
				closed <- err
				return
			} else if f, ok := f.(*http2.GoAwayFrame); ok {
				closed <- fmt.Errorf("the node closes the connection: %v", f.ErrCode)
				return
			}
		}
	}()
	var fields strings.Builder
	if err = c.request(hpack.NewEncoder(&fields)); err != nil {
		return 0, err
	}
	for opened < streams && err == nil {
		if err = write(c, fields.String(), uint32(2*opened+1)); err == nil {
			opened++
		}
	}
	c.conn.Close()
	return opened, errors.Join(err, <-closed)
}

func http2Reset(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http2Frames(t, world, streams, func(c *framer, fields string, id uint32) error {
		err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(fields), EndStream: true, EndHeaders: true})
		return errors.Join(err, c.WriteRSTStream(id, http2.ErrCodeCancel))
	})
}

func http2Left(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http2Frames(t, world, streams, func(c *framer, fields string, id uint32) error {
		return c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(fields), EndHeaders: true})
	})
}

func http2Control(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http2Frames(t, world, streams, func(c *framer, _ string, _ uint32) error {
		return errors.Join(c.WritePing(false, [8]byte{1}), c.WriteSettings())
	})
}

// http3Streams opens streams, as many at once as the node lets.
func http3Streams(t *testing.T, world netnstest.NS, streams int, open func(context.Context, *visitor) error) (opened int, err error) {
	c, err := guest(t, world, nil)
	if err != nil {
		return 0, err
	}
	defer c.leave()
	if err := c.get(); err != nil { // HTTP/3 has its own streams then
		return 0, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for opened < streams && err == nil {
		if err = open(ctx, c); err == nil {
			opened++
		}
	}
	return opened, err
}

func http3Reset(t *testing.T, world netnstest.NS, streams int) (int, error) {
	r, err := http.NewRequest(http.MethodGet, floodedURL, nil)
	if err != nil {
		return 0, err
	}
	return http3Streams(t, world, streams, func(ctx context.Context, c *visitor) error {
		s, err := c.h3.OpenRequestStream(ctx)
		if err != nil {
			return err
		}
		err = s.SendRequestHeader(r)
		s.CancelRead(quic.StreamErrorCode(0x10c)) // H3_REQUEST_CANCELLED
		s.CancelWrite(quic.StreamErrorCode(0x10c))
		return err
	})
}

func http3Unused(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http3Streams(t, world, streams, func(ctx context.Context, c *visitor) error {
		s, err := c.quic.OpenStreamSync(ctx)
		if err != nil {
			return err
		}
		s.CancelRead(0)
		s.CancelWrite(0)
		return nil
	})
}

// http3Left begins a frame of a request that never comes, on as many streams as the node takes: without waiting for more.
func http3Left(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http3Streams(t, world, streams, func(_ context.Context, c *visitor) error {
		s, err := c.quic.OpenStream()
		if err != nil {
			return err
		}
		_, err = s.Write([]byte{1, 0x44, 0}) // HEADERS of 1024 bytes
		return err
	})
}

// http3Uni opens streams of a reserved type, whose data is to be ignored (RFC 9114, section 6.2.3).
func http3Uni(t *testing.T, world netnstest.NS, streams int) (int, error) {
	return http3Streams(t, world, streams, func(ctx context.Context, c *visitor) error {
		s, err := c.quic.OpenUniStreamSync(ctx)
		if err != nil {
			return err
		}
		if _, err = io.WriteString(s, "\x21 and more"); err != nil { // the node stops it, which is its right
			return nil
		}
		return s.Close()
	})
}
