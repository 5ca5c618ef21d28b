package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/test/lab/lab"
)

// stayThrough lets all clients of a class ask once, say nothing for the scenario's time, and ask again on the same connection. Theirs end when
// they hear nothing for two thirds of that.
func stayThrough(ctx context.Context, cfg config, l *lab.Lab, p lab.Profile, clients []seen) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	conf := &quic.Config{MaxIdleTimeout: cfg.Scenario.silence * 2 / 3}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			c := &clients[i]
			f := lab.Fetch{}
			begun := time.Now()
			conn, err := l.Dial(ctx, client(cfg, p, i), conf)
			if err == nil {
				f.Handshake = time.Since(begun)
				f.Err = ask(ctx, conn, cfg.Size)
				c.silent = f.Err == nil
				select {
				case <-conn.Context().Done():
				case <-time.After(cfg.Scenario.silence):
				}
				c.lived = c.silent && ask(ctx, conn, cfg.Size) == nil
				err = conn.Close()
			}
			f.Err = errors.Join(f.Err, err)
			c.fetches = append(c.fetches, f)
		})
	}
	all.Wait()
}

// ask fetches a file on a connection that is there.
func ask(ctx context.Context, conn *lab.Conn, size int64) error {
	resp, err := conn.Get(ctx, lab.FileOf(size))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
