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
	silent   bool          // it was silent for a while
	lived    bool          // and its connection was there afterwards
}

// measureClass lets the clients of a class fetch, and reads its link's counters.
func measureClass(ctx context.Context, cfg config, b bench, p lab.Profile) classResult {
	conf := &quic.Config{}
	if cfg.Initial != 0 {
		conf.InitialPacketSize, conf.DisablePathMTUDiscovery = cfg.Initial, cfg.Initial == 1200
	}
	l, clients := b.lab, make([]seen, cfg.Connections)
	settled := watchMTU(ctx, b.server, p.ID)
	leave := func() {}
	if cfg.Scenario.hostile {
		leave = attack(ctx, l, p, conf)
	}
	switch {
	case cfg.Scenario.event != nil:
		fetchThrough(ctx, cfg, l, p, conf, clients)
	case cfg.Scenario.silence > 0:
		stayThrough(ctx, cfg, l, p, clients)
	default:
		for i := range clients {
			clients[i] = fetchOnce(ctx, cfg, l, client(cfg, p, i), conf)
		}
	}
	leave()
	r := newClassResult(cfg, p, clients, l.Link(p.ID).Counters(link.Down), l.Link(p.ID).Counters(link.Up))
	r.LeastMTU, r.EndMTU = settled()
	return r
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
				ctx, end := renewed(ctx, cfg.Scenario.renew)
				f := l.Fetch(ctx, client(cfg, p, i), conf, lab.FileOf(endless), stall, func(at time.Time) {
					if t := happened.Load(); t != nil && clients[i].recovery == 0 && at.Sub(*t) > settled {
						clients[i].recovery = at.Sub(*t)
					}
					end(at)
				})
				end(time.Time{})
				clients[i].fetches = append(clients[i].fetches, f)
			}
		})
	}
	all.Wait()
}

// renewed bounds a connection: end is called with each time at which data came, and with the zero time when it is over. A handshake may take
// as long as it takes.
func renewed(ctx context.Context, after time.Duration) (_ context.Context, end func(at time.Time)) {
	ctx, cancel := context.WithCancel(ctx)
	var first time.Time
	return ctx, func(at time.Time) {
		if first.IsZero() {
			first = at
		}
		if at.IsZero() || after > 0 && at.Sub(first) >= after {
			cancel()
		}
	}
}
