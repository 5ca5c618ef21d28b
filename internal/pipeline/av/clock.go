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
	timeline
	timed bool // the container has times
}

func newClock(in *Input) clock {
	timed, base := !in.raw(), in.video.TimeBase()
	if !timed {
		base = astiav.NewRational(1, 90000)
	}
	step := astiav.RescaleQ(1, in.rate().Invert(), base)
	return clock{timeline: newTimeline(in, base, step), timed: timed}
}

// raw says that the input is a stream without a container.
func (in *Input) raw() bool {
	name := in.format.InputFormat().Name()
	return name == "h264" || name == "hevc"
}

// rate is the nominal frame rate.
func (in *Input) rate() astiav.Rational {
	candidates := []astiav.Rational{in.video.AvgFrameRate(), in.video.RFrameRate(), in.decoder.Framerate()}
	if in.raw() { // the demuxer's own are its default, not the stream's
		candidates = candidates[2:]
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

// stamp gives f its time and duration. Times only grow: an encoder refuses others.
func (c *clock) stamp(f *astiav.Frame) {
	t, length := bestTime(f), duration(f)
	if !c.timed {
		t, length = astiav.NoPtsValue, c.step
	}
	f.SetPts(c.next(t))
	setDuration(f, c.length(length))
}
