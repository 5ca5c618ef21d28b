package quicsrv

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func TestOnlyLossOfLargePacketsAloneIsAStall(t *testing.T) {
	idle := fmt.Errorf("connection: %w", &quic.IdleTimeoutError{})
	before := quic.ConnectionStats{PacketsSent: 100, PacketsReceived: 50, PacketsLost: 2, BytesLost: 2400}
	after := func(sent, received, lost, bytes uint64) quic.ConnectionStats {
		return quic.ConnectionStats{PacketsSent: 100 + sent, PacketsReceived: 50 + received, PacketsLost: 2 + lost, BytesLost: 2400 + bytes}
	}
	for name, tt := range map[string]struct {
		cause    error
		last     quic.ConnectionStats
		searched bool
		want     bool
	}{
		"large ones lost, small ones answered":  {idle, after(12, 5, 8, 8*1372), false, true},
		"few of them":                           {idle, after(3, 5, 2, 2*1372), false, false},
		"nothing lost: a client that is gone":   {idle, after(12, 5, 0, 0), false, false},
		"losses of any size":                    {idle, after(12, 5, 8, 8*900), false, false},
		"some losses among much":                {idle, after(100, 40, 8, 8*1372), false, false},
		"closed by the client":                  {&quic.ApplicationError{Remote: true}, after(12, 5, 8, 8*1372), false, false},
		"another timeout":                       {errors.New("timeout"), after(12, 5, 8, 8*1372), false, false},
		"lost probes of a discovery":            {idle, after(12, 5, 8, 8*1430), true, false},
		"more than a discovery loses":           {idle, after(30, 5, 20, 20*1372), true, true},
		"what was declared lost came after all": {idle, quic.ConnectionStats{PacketsSent: 101, PacketsReceived: 60}, false, false},
	} {
		l := looks{before: before, last: tt.last}
		if got := l.stalled(tt.cause, 1372, tt.searched); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLooksReachBackBeforeTheLastWord(t *testing.T) {
	var l looks
	for i := range uint64(100) {
		l.add(quic.ConnectionStats{PacketsSent: i}, clock(time.Duration(i)*300*ms))
		if back := l.last.PacketsSent - l.before.PacketsSent; l.last.PacketsSent != i || i > 14 && (back*300 < 2000 || back*300 >= 4500) {
			t.Fatalf("at %d: from %d to %d", i, l.before.PacketsSent, l.last.PacketsSent)
		}
	}
}
