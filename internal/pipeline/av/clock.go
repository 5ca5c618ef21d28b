package av

import (
	"time"

	"github.com/asticode/go-astiav"
)

// defaultRate is the frame rate of a stream that has no times and names no rate, as FFmpeg and players assume it.
var defaultRate = astiav.NewRational(25, 1)

// clock gives frames their times. Those of the container are kept, variable rate included; a raw stream (Annex B) has
// none and gets evenly spaced ones.
type clock struct {
	base  astiav.Rational // seconds a unit
	timed bool            // the container has times
	step  int64           // units a frame at the nominal rate
	shift int64           // subtracted from the times of the container
	last  int64
	begun bool
}

func newClock(in *Input) clock {
	name := in.format.InputFormat().Name()
	c := clock{base: in.video.TimeBase(), timed: name != "h264" && name != "hevc"}
	rate := in.rate()
	if !c.timed {
		c.base = astiav.NewRational(1, 90000)
	}
	c.step = max(astiav.RescaleQ(1, rate.Invert(), c.base), 1)
	c.shift = in.shift(c.base)
	return c
}

// rate is the nominal frame rate.
func (in *Input) rate() astiav.Rational {
	candidates := []astiav.Rational{in.video.AvgFrameRate(), in.video.RFrameRate(), in.decoder.Framerate()}
	if name := in.format.InputFormat().Name(); name == "h264" || name == "hevc" {
		candidates = []astiav.Rational{in.decoder.Framerate()} // the demuxer's own are its default, not the stream's
	}
	for _, r := range candidates {
		if r.Num() > 0 && r.Den() > 0 && r.Float64() <= 1000 {
			return r
		}
	}
	return defaultRate
}

// shift is where MPEG-TS starts, in units of base: its clock starts anywhere, that of a file starts at 0.
func (in *Input) shift(base astiav.Rational) int64 {
	start := in.format.StartTime()
	if in.format.InputFormat().Name() != "mpegts" || start == astiav.NoPtsValue {
		return 0
	}
	return astiav.RescaleQ(start, astiav.NewRational(1, int(time.Second/time.Microsecond)), base)
}

// stamp gives f its time and, where it has none, a duration. Times only grow: an encoder refuses others.
func (c *clock) stamp(f *astiav.Frame) {
	t := bestTime(f)
	switch {
	case !c.timed || t == astiav.NoPtsValue:
		t = 0
		if c.begun {
			t = c.last + c.step
		}
		setDuration(f, c.step)
	default:
		t -= c.shift
	}
	if c.begun && t <= c.last {
		t = c.last + 1
	}
	if duration(f) <= 0 {
		setDuration(f, c.step)
	}
	c.last, c.begun = t, true
	f.SetPts(t)
}

// position is the time of the last frame.
func (c *clock) position() time.Duration {
	if !c.begun {
		return 0
	}
	return time.Duration(astiav.RescaleQ(c.last, c.base, astiav.NewRational(1, int(time.Second))))
}
