package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// connection is one client's, with a socket of its own.
type connection struct {
	url    string
	socket *net.UDPConn // nil: another's
	quic   *quic.Transport
	h3     *http3.Transport
	over   *http3.ClientConn
	conn   *quic.Conn
}

func dial(ctx context.Context, to string) (*connection, error) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	c := &connection{socket: socket, quic: &quic.Transport{Conn: socket}}
	if err := c.connect(ctx, to); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// connect uses the transport.
func (c *connection) connect(ctx context.Context, to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	addr, err := net.ResolveUDPAddr("udp4", u.Host)
	if err != nil {
		return err
	}
	c.url, c.h3 = to, &http3.Transport{}
	// The certificate was made for this run.
	conf := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http3.NextProtoH3}, ServerName: "localhost"}
	if c.conn, err = c.quic.Dial(ctx, addr, conf, &quic.Config{KeepAlivePeriod: 10 * time.Second}); err != nil {
		return err
	}
	c.over = c.h3.NewClientConn(c.conn)
	return nil
}

// close closes the connection, and the socket where it is the connection's own.
func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.CloseWithError(0, "")
	}
	if c.socket != nil {
		_ = c.quic.Close()
		_ = c.socket.Close()
	}
}

// get fetches a file and returns its size.
func (c *connection) get(ctx context.Context, path string) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return 0, err
	}
	answer, err := c.over.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return io.Copy(io.Discard, answer.Body)
}

// load is what a generator got.
type load struct {
	requests, bytes atomic.Int64
}

// generate fetches a file on all connections until the time is over, on each of them so many at once.
func generate(ctx context.Context, conns []*connection, streams int, path string, size int64, took time.Duration) (*load, error) {
	var got load
	end := time.Now().Add(took)
	failed := make(chan error, len(conns)*streams)
	var all sync.WaitGroup
	for _, c := range conns {
		for range streams {
			all.Go(func() {
				for time.Now().Before(end) {
					n, err := c.get(ctx, path)
					if err == nil && n != size {
						err = fmt.Errorf("GET %s: %d bytes of %d", path, n, size)
					}
					if err != nil {
						failed <- err
						return
					}
					got.requests.Add(1)
					got.bytes.Add(n)
				}
			})
		}
	}
	all.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
		return &got, nil
	}
}

func dialAll(ctx context.Context, url string, n int) ([]*connection, error) {
	conns := make([]*connection, 0, n)
	for range n {
		c, err := dial(ctx, url)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func closeAll(conns []*connection) {
	for _, c := range conns {
		c.close()
	}
}

// measure adds one value of each kind.
func (r *result) measure(ctx context.Context, s settings) error {
	conns, err := dialAll(ctx, r.url, s.connections)
	if err != nil {
		return err
	}
	defer closeAll(conns)
	small, spent, err := r.during(func() (*load, error) {
		return generate(ctx, conns, s.streams, "/small.bin", smallSize, s.time)
	})
	if err != nil {
		return err
	}
	r.request = append(r.request, spent.Seconds()*1e6/float64(small.requests.Load()))
	one := len(r.mib) % len(conns) // another in each round: a server need not treat all alike
	large, spent, err := r.during(func() (*load, error) {
		return generate(ctx, conns[one:one+1], 1, "/large.bin", largeSize, s.time)
	})
	if err != nil {
		return err
	}
	r.mib = append(r.mib, spent.Seconds()*1e3/(float64(large.bytes.Load())/(1<<20)))
	return nil
}

// during returns what a load got and what the server spent on it.
func (r *result) during(work func() (*load, error)) (got *load, spent time.Duration, err error) {
	before, err := r.process.spent()
	if err != nil {
		return nil, 0, err
	}
	if got, err = work(); err != nil {
		return nil, 0, err
	}
	after, err := r.process.spent()
	return got, after - before, err
}
