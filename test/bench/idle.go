package main

import (
	"context"
	"errors"
)

// perSocket is how many idle connections share a socket of the generator, which may not open as many files as there are connections.
const perSocket = 50

// idleMemory is what the server's memory grows by for a connection that has had one request, in bytes. Connections stay open until all are
// counted.
func idleMemory(ctx context.Context, s settings, r *result) (float64, error) {
	before, err := r.process.resident()
	if err != nil {
		return 0, err
	}
	conns, err := idle(ctx, r.url, s.idle)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	after, err := r.process.resident()
	return float64(after-before) / float64(s.idle), errors.Join(err, alive(conns), ctx.Err())
}

// idle opens so many connections, each of which has had one request. After an error it returns those that are open.
func idle(ctx context.Context, url string, n int) (conns []*connection, err error) {
	for len(conns) < n {
		first, err := dial(ctx, url)
		if err != nil {
			return conns, err
		}
		conns = append(conns, first)
		for range min(perSocket-1, n-len(conns)) {
			c := &connection{quic: first.quic}
			if err := c.connect(ctx, url); err != nil {
				return conns, err
			}
			conns = append(conns, c)
		}
	}
	for _, c := range conns {
		if _, err := c.get(ctx, "/small.bin"); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

// alive returns why the first connection that has ended did.
func alive(conns []*connection) error {
	for _, c := range conns {
		if c.conn.Context().Err() != nil {
			return context.Cause(c.conn.Context())
		}
	}
	return nil
}
