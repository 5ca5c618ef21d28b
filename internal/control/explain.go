package control

import (
	"maps"
	"net/netip"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
	"quicedge/internal/path"
)

// Explain says why an address gets the MTU it gets, with what is measured and learned now. It changes nothing.
func (l *Loop) Explain(addr netip.Addr) path.Explained {
	l.mu.Lock()
	defer l.mu.Unlock()
	match, now := l.Lookup(addr), l.now()
	measured := measuredOf(l.estimator.Class(match.Class, now))
	layers := l.inputs.Layers
	layers.Learned = l.learned
	return path.Explained{
		Answer:     match.Answer(),
		Live:       true,
		Candidates: path.CandidateAnswers(layers.Explain(l.judge, match.Class, measured, now)),
	}
}

// Explain says why a match gets the MTU it gets from layers in which nothing is measured.
func Explain(match path.Match, layers mtu.Layers) path.Explained {
	candidates := layers.Explain(nil, match.Class, mtu.Measured{}, time.Time{})
	return path.Explained{Answer: match.Answer(), Candidates: path.CandidateAnswers(candidates)}
}

// Learned returns what is learned, by class.
func (l *Loop) Learned() map[class.ID]mtu.Learned {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.learned)
}
