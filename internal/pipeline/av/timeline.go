package av

import (
	"time"

	"github.com/asticode/go-astiav"
)

// How far one packet of a track may be from the one before. The clock of MPEG-TS may jump where streams were joined, and a
// corrupt packet may hold any time at all: 10 s is what ffmpeg takes for a jump, too (its dts_delta_threshold). Other formats
// mean what they say, up to an hour. The muxer's own limit is 2^31 units; it ends the process beyond.
const (
	jumpMPEGTS = 10 * time.Second
	jumpOther  = time.Hour
	jumpUnits  = 1 << 30
)

// timeline makes the times of a track grow, without jumps: where the input's clock jumps, the track goes on one step
// later, and so does what follows.
type timeline struct {
	base   astiav.Rational // seconds a unit
	step   int64           // units between packets, about
	jump   int64           // units that are a jump
	shift  int64           // what is subtracted from the input's times
	last   int64
	begun  bool
	offset int64 // of jumps so far
}

func newTimeline(in *Input, base astiav.Rational, step int64) timeline {
	limit := jumpOther
	if in.format.InputFormat().Name() == "mpegts" {
		limit = jumpMPEGTS
	}
	return timeline{
		base: base, step: max(step, 1), shift: in.shift(base),
		jump: min(astiav.RescaleQ(int64(limit/time.Second), astiav.NewRational(1, 1), base), jumpUnits),
	}
}

// next returns the output's time for t, which may be NoPtsValue.
func (l *timeline) next(t int64) int64 {
	expected := l.last + l.step
	if !l.begun {
		expected = 0
	}
	if t == astiav.NoPtsValue {
		t = expected
	} else {
		t -= l.shift + l.offset
		if d := t - expected; d > l.jump || d < -l.jump {
			l.offset += d
			t = expected
		}
	}
	if l.begun {
		t = max(t, l.last+1)
	}
	l.last, l.begun = t, true
	return t
}

// length returns how long a packet lasts: d, if that can be.
func (l *timeline) length(d int64) int64 {
	if d <= 0 || d > l.jump {
		return l.step
	}
	return d
}
