package main

import (
	"fmt"

	"github.com/schollz/progressbar/v3"

	"quicedge/internal/pipeline"
)

// permille is the length of the progress bar.
const permille = 1000

// progress returns what shows progress on a terminal, and what ends it: frames, frames a second, how much is done and how long
// the rest will take. size is that of the input in bytes, -1 for unknown.
func (a *app) progress(size int64) (show func(pipeline.Progress), done func()) {
	if !a.terminal {
		return nil, func() {}
	}
	began := a.now()
	var bar *progressbar.ProgressBar
	show = func(p pipeline.Progress) {
		part, known := portion(p, size)
		if bar == nil {
			bar = a.bar(known)
		}
		if !known {
			part = int(p.Frames)
		}
		bar.Set(part) // fails only when the terminal does
		bar.Describe(fmt.Sprintf("%d frames, %.0f/s", p.Frames, rate(p.Frames, a.now().Sub(began))))
	}
	return show, func() {
		if bar != nil {
			bar.Finish()
		}
	}
}

// bar makes a progress bar, or a spinner where the length is not known. Workers tell of progress seldom enough for a terminal.
func (a *app) bar(known bool) *progressbar.ProgressBar {
	length := permille
	if !known {
		length = -1
	}
	return progressbar.NewOptions(length, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish())
}

// portion is how much is done, in thousandths and never all: of the video's time where it says how long it is, or of the bytes that
// were read, which run ahead of the frames. The less of both counts: a video in fragments may say the length of its first ones alone.
// It is not known of a live stream.
func portion(p pipeline.Progress, size int64) (part int, known bool) {
	part = permille - 1
	if p.Duration > 0 {
		part, known = min(part, int(permille*p.Position/p.Duration)), true
	}
	if size > 0 {
		part, known = min(part, int(permille*p.InBytes/size)), true
	}
	if !known {
		return 0, false
	}
	return max(part, 0), true
}
