package main

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"quicedge/test/lab/lab"
	"quicedge/test/lab/link"
)

// stall is how long a client waits for anything to come before it gives a connection up.
const stall = 5 * time.Second

// seen is what one client saw.
type seen struct {
	fetches  []lab.Fetch
	recovery time.Duration // from the event until data flowed again; 0: there was no event, or it never did
}

// measureClass lets the clients of a class fetch, and reads its link's counters.
func measureClass(ctx context.Context, cfg config, l *lab.Lab, p lab.Profile) classResult {
	conf := &quic.Config{}
	if cfg.Initial != 0 {
		conf.InitialPacketSize, conf.DisablePathMTUDiscovery = cfg.Initial, cfg.Initial == 1200
	}
	clients := make([]seen, cfg.Connections)
	if cfg.Scenario.event == nil {
		for i := range clients {
			clients[i] = fetchOnce(ctx, cfg, l, client(cfg, p, i), conf)
		}
	} else {
		fetchThrough(ctx, cfg, l, p, conf, clients)
	}
	return newClassResult(cfg, p, clients, l.Link(p.ID).Counters(link.Down), l.Link(p.ID).Counters(link.Up))
}

// client returns the address of the i-th client of a class.
func client(cfg config, p lab.Profile, i int) netip.Addr {
	if cfg.Family == "6" || cfg.Family == "both" && i%2 == 1 {
		return lab.Host(lab.Net6(p.ID, i), 1)
	}
	return lab.Host(lab.Net4(p.ID, i), 1)
}

func fetchOnce(ctx context.Context, cfg config, l *lab.Lab, from netip.Addr, conf *quic.Config) seen {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	return seen{fetches: []lab.Fetch{l.Fetch(ctx, from, conf, lab.FileOf(cfg.Size), stall, nil)}}
}

// fetchThrough keeps all clients of a class fetching, each anew when it fails, while its link goes through the scenario.
func fetchThrough(ctx context.Context, cfg config, l *lab.Lab, p lab.Profile, conf *quic.Config, clients []seen) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	way := l.Link(p.ID)
	was := way.Settings()
	var happened atomic.Pointer[time.Time]
	event := time.AfterFunc(cfg.Duration/2, func() {
		if cfg.Scenario.event(way, was) == nil {
			now := time.Now()
			happened.Store(&now)
		}
	})
	defer event.Stop()
	if cfg.Scenario.heal != nil {
		heal := time.AfterFunc(cfg.Duration*3/4, func() { cfg.Scenario.heal(way, was) })
		defer heal.Stop()
	}
	// What was on its way when it happened still comes, for no longer than a packet can take.
	settled := was.Down.Longest()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				f := l.Fetch(ctx, client(cfg, p, i), conf, lab.FileOf(endless), stall, func(at time.Time) {
					if t := happened.Load(); t != nil && clients[i].recovery == 0 && at.Sub(*t) > settled {
						clients[i].recovery = at.Sub(*t)
					}
				})
				clients[i].fetches = append(clients[i].fetches, f)
			}
		})
	}
	all.Wait()
}
