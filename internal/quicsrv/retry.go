package quicsrv

import (
	"hash/maphash"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An Initial whose address nobody has validated may be forged. Each makes the server sign, and keep a connection for ten seconds.
const (
	// unfinishedRate is how many handshakes a second may be begun and never finished before they fill the bucket: clients that lose
	// their network, or take TCP.
	unfinishedRate = 64

	// unfinishedShare is how many more may be for each one that is finished: browsers drop one connection in ten of those they race.
	unfinishedShare = 0.25

	// retryFrom and retryUntil are the levels of the bucket at which Retry begins and ends. In a legitimate 2,000 a second at a round
	// trip of 200 ms 400 are under way.
	retryFrom  = 512
	retryUntil = 256

	// mostUnfinished bounds the bucket, so that it empties within seconds when a flood is over.
	mostUnfinished = 640
)

// retryLoad decides when clients have to prove their address by a Retry, which costs them a round trip (RFC 9000, section 8.1.2): when
// many more handshakes are begun than are finished, however many that are. Workers share one. It is safe for concurrent use.
type retryLoad struct {
	now func() time.Time

	mu      sync.Mutex
	level   float64 // handshakes begun from addresses that are not validated and not finished, less what has drained
	at      time.Time
	owed    int // Retries that were sent, less handshakes that finished since and began with a token
	on      bool
	asked   [1024]uint64 // hashes of clients that were sent a Retry: some of the last
	seed    maphash.Seed
	retried atomic.Uint64
}

func newRetryLoad() *retryLoad { return &retryLoad{now: time.Now, seed: maphash.MakeSeed()} }

// verify counts an Initial without a valid token, and reports whether it is to be answered by a Retry. It implements
// quic.Transport.VerifySourceAddress.
func (l *retryLoad) verify(from net.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drain()
	again := l.on && l.askedBefore(from)
	if !again {
		l.level = min(l.level+1, mostUnfinished)
	}
	if l.level >= retryFrom {
		l.on = true
	}
	if !l.on {
		return false
	}
	if !again {
		l.owed = min(l.owed+1, mostUnfinished)
	}
	l.retried.Add(1)
	return true
}

// askedBefore reports whether a client was sent a Retry lately, and notes that it is. A ClientHello with a key of a post-quantum
// exchange takes two Initials, of which a server that begins a connection with the first counts one.
func (l *retryLoad) askedBefore(from net.Addr) bool {
	udp, ok := from.(*net.UDPAddr)
	if !ok {
		return false
	}
	hash := maphash.Comparable(l.seed, udp.AddrPort())
	at := &l.asked[hash%uint64(len(l.asked))]
	before := *at == hash
	*at = hash
	return before
}

// finished counts a handshake that has completed. validated says whether it began with a valid token: then it is maybe of a client that was
// counted when it was sent a Retry. The token alone counts for nothing: whoever was here once has one, and could pay with it for a flood.
func (l *retryLoad) finished(validated bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if validated {
		if l.owed == 0 {
			return
		}
		l.owed--
	}
	l.level = max(l.level-1-unfinishedShare, 0)
}

func (l *retryLoad) drain() {
	now := l.now()
	l.level = max(l.level-now.Sub(l.at).Seconds()*unfinishedRate, 0)
	l.at = now
	if l.level <= retryUntil {
		if l.on {
			clear(l.asked[:])
		}
		l.on = false // owed stays: who is on the way back was counted, and would keep the level up unpaid
	}
}

// HandshakeCounts is what a server has counted since it began.
type HandshakeCounts struct {
	Retries  uint64 // Retry packets by which clients had to prove their address
	TooEarly uint64 // requests that came as early data and were answered 425
	Followed uint64 // handshakes whose packets were followed: those of connections whose path is
	Repeated uint64 // Initial packets of these in which the server said again what it had said
}

// Handshakes returns what the server has counted.
func (s *Server) Handshakes() HandshakeCounts {
	return HandshakeCounts{
		Retries: s.load.retried.Load(), TooEarly: s.early.refused.Load(),
		Followed: s.initials.followed.Load(), Repeated: s.initials.repeated.Load(),
	}
}
