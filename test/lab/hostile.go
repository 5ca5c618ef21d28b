package main

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/internal/class"
	"quicedge/test/lab/lab"
)

// hostiles is how many hosts of its network an attacker has.
const hostiles = 4

// hostileNet is the attacker's network in a class: the last, which no other client is in.
func hostileNet(id class.ID) netip.Prefix { return lab.Net4(id, lab.Networks-1) }

// attack connects the hosts of the attacker's network again and again, each for a second, until it is called off.
func attack(ctx context.Context, l *lab.Lab, p lab.Profile, conf *quic.Config) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for h := range hostiles {
		all.Go(func() {
			for ctx.Err() == nil {
				once, end := renewed(ctx, time.Second)
				l.Fetch(once, lab.Host(hostileNet(p.ID), 1+h), conf, lab.FileOf(endless), stall, end)
				end(time.Time{})
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// watchMTU follows the MTU that our node has for a class, and returns the least and the last one when it is asked; 0 for another program.
func watchMTU(ctx context.Context, s *lab.Server, id class.ID) (settled func() (least, last int)) {
	if s.State == "" {
		return func() (int, int) { return 0, 0 }
	}
	ctx, cancel := context.WithCancel(ctx)
	var least, last int
	var watching sync.WaitGroup
	watching.Go(func() {
		every := time.NewTicker(100 * time.Millisecond)
		defer every.Stop()
		for {
			if a, err := s.Admin().Of(ctx, id); err == nil {
				if last = a.MTU; least == 0 || last < least {
					least = last
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
		}
	})
	return func() (int, int) {
		cancel()
		watching.Wait()
		return least, last
	}
}
