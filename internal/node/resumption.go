package node

import (
	"quicedge/internal/config"
	"quicedge/internal/quicsrv"
	"quicedge/internal/replay"
	"quicedge/internal/statedir"
	"quicedge/internal/ticketkey"
)

// resumption is what sessions are taken up by.
type resumption struct {
	shared  *quicsrv.Resumption
	strikes *replay.Register // nil without 0-RTT
}

// openResumption opens the keys and the register. A key file that the operator has named must be right; a register that cannot be had
// costs the 0-RTT and nothing else.
func (n *Node) openResumption() error {
	state := statedir.At(n.cfg.StateDir)
	ring, err := openRing(n.cfg, state)
	if err != nil {
		return err
	}
	if n.cfg.ZeroRTT {
		if n.resume.strikes, err = replay.Open(replay.Settings{Path: state.Strikes()}); err != nil {
			n.log.Warn("serving without 0-RTT: without the register of tickets an attacker could send captured requests again; mend it and restart", "error", err)
		}
	}
	n.resume.shared, err = quicsrv.NewResumption(ring, n.resume.strikes)
	return err
}

func openRing(cfg config.Config, state statedir.Dir) (*ticketkey.Ring, error) {
	if cfg.TicketKeys != "" {
		return ticketkey.Open(cfg.TicketKeys)
	}
	return ticketkey.OpenOwn(state.TicketKeys())
}

// watchKeys takes keys into use when their time comes, and files when they change.
func (n *Node) watchKeys() {
	if n.resume.shared == nil {
		return
	}
	go n.resume.shared.Watch(n.life, quicsrv.WatchEvery, func(err error) { n.logReload("ticket keys", err) })
}

func (r *resumption) close() error {
	if r.strikes == nil {
		return nil
	}
	return r.strikes.Close()
}
