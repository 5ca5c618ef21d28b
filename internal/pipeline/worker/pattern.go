package worker

import (
	"io"
	"math"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// pattern makes frames and encodes them as they are.
func pattern(job wire.Job, to io.Writer, t *times) (wire.Done, error) {
	store := av.NewFrames(keptFrames)
	defer store.Close()
	format := av.MadeUp(job.Width, job.Height, syntheticRate)
	format.Container = av.FragmentedMP4
	out, err := av.NewOutput(to, format)
	if err != nil {
		return wire.Done{}, err
	}
	defer out.Close()
	for i := range job.FrameCount {
		if err := patternFrame(out, store, job, i); err != nil {
			return wire.Done{}, err
		}
	}
	err = out.Finish()
	t.add(stageGenerate, t.start)
	return wire.Done{Frames: out.Frames, OutBytes: out.Written(), Width: job.Width, Height: job.Height}, err
}

func patternFrame(out *av.Output, store *av.Frames, job wire.Job, number int) error {
	f, err := store.Picture(job.Width, job.Height)
	if err != nil {
		return err
	}
	defer f.Close()
	f.SetTime(int64(number))
	f.SetDuration(1)
	paintPattern(f.Planes(), number, job.FrameCount)
	return out.WriteVideo(f)
}

// colour is one of the picture, in limited range.
type colour struct{ y, cb, cr byte }

// The colours of the pattern. Skin is in the middle of what the models take for it.
var (
	skin  = colour{165, 106, 157}
	hair  = colour{50, 122, 136}
	dark  = colour{35, 128, 128}
	lips  = colour{105, 118, 172}
	light = colour{215, 128, 128}
	bars  = [...]colour{{180, 128, 128}, {162, 44, 142}, {131, 156, 44}, {112, 72, 58}, {84, 184, 198}, {65, 100, 212}, {35, 212, 114}}
)

// paintPattern draws a face of grainy skin that goes from side to side before stripes, over colour bars, and how much of the video
// has passed. The same number gives the same picture on every machine.
func paintPattern(p av.Planes, number, count int) {
	s := scene{
		width: p.Width, height: p.Height, passed: float64(number+1) / float64(count),
		face: float64(p.Width) * (0.5 + 0.28*math.Sin(2*math.Pi*float64(number)/float64(count))), shift: number,
	}
	seed := uint32(number)*2654435761 + 1
	for y := range p.Height {
		for x := range p.Width {
			c, grain := s.at(x, y)
			if grain {
				seed = seed*1664525 + 1013904223
				c.y += byte(seed>>27) - 16
			}
			p.Y[y*p.Stride+x] = c.y
			if x%2 == 0 && y%2 == 0 {
				i := y / 2 * p.ChromaStride
				p.Cb[i+x/2], p.Cr[i+x/2] = c.cb, c.cr
			}
		}
	}
}

// scene is what a frame shows.
type scene struct {
	width, height int
	passed        float64 // of the video, 0 to 1
	face          float64 // its middle, from the left
	shift         int     // of the stripes
}

// at returns the colour of a point, and whether it is grainy.
func (s scene) at(x, y int) (colour, bool) {
	if y > s.height*9/10 {
		if float64(x) < s.passed*float64(s.width) && y > s.height*19/20 {
			return light, false
		}
		return bars[x*len(bars)/s.width], false
	}
	unit := float64(s.height) / 100
	dx, dy := (float64(x)-s.face)/unit, float64(y)/unit-46
	if c, grain, hit := face(dx, dy); hit {
		return c, grain
	}
	if (x+y+s.shift)/(s.height/15)%2 == 0 {
		return colour{96, 140, 118}, false
	}
	return colour{82, 144, 116}, false
}

// face is a head around 0,0, about 50 wide and 70 high.
func face(dx, dy float64) (c colour, grain, hit bool) {
	eye := ellipse(math.Abs(dx)-10, dy+6, 4, 2.5)
	switch {
	case eye && ellipse(math.Abs(dx)-10, dy+6, 1.8, 1.8):
		return dark, false, true
	case eye:
		return light, false, true
	case ellipse(dx, dy-18, 9, 2.5):
		return lips, false, true
	case ellipse(dx, dy, 24, 33) && dy > -20:
		return skin, true, true
	case ellipse(dx, dy+4, 28, 35) && dy < 6:
		return hair, false, true
	}
	return colour{}, false, false
}

func ellipse(dx, dy, a, b float64) bool { return dx*dx/(a*a)+dy*dy/(b*b) <= 1 }
