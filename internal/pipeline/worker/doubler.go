package worker

import (
	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/motion"
)

// longestStep is the pause between two pictures, in seconds, over which no motion is followed: a still, or a gap in the stream.
const longestStep = 0.25

// doubler puts a picture between each two, and the last once more after the last. Times that come out are in halves of the tick of
// those that go in.
type doubler struct {
	store  *av.Frames
	tick   float64 // seconds
	motion *motion.Interpolator
	before *av.Frame
	step   int64 // between the last two pictures, in ticks
}

func (d *doubler) frame(f *av.Frame, emit func(*av.Frame) error) error {
	if err := d.look(f); err != nil {
		f.Close()
		return err
	}
	f.SetTime(2 * f.Time())
	if err := d.between(f, emit); err != nil {
		f.Close()
		return err
	}
	kept, err := f.Share()
	if err != nil {
		f.Close()
		return err
	}
	d.forget()
	d.before = kept
	return emit(f)
}

// look shows the interpolator the new picture.
func (d *doubler) look(f *av.Frame) error {
	p := motion.Planes(f.Planes())
	if d.motion == nil {
		var err error
		if d.motion, err = motion.New(p.Width, p.Height); err != nil {
			return err
		}
	}
	return d.motion.Advance(p)
}

// between emits the picture between the one before and f: one by motion, or the one before again where f is of another shot.
func (d *doubler) between(f *av.Frame, emit func(*av.Frame) error) error {
	if d.before == nil {
		return nil
	}
	d.step = (f.Time() - d.before.Time()) / 2
	g, err := d.make(f)
	if err != nil {
		return err
	}
	g.SetTime(d.before.Time() + d.step)
	return emit(g)
}

func (d *doubler) make(f *av.Frame) (*av.Frame, error) {
	if seconds := float64(d.step) * d.tick; seconds > longestStep || seconds <= 0 {
		return d.before.Share()
	}
	g, err := d.store.Beside(d.before)
	if err != nil {
		return nil, err
	}
	cut, err := d.motion.Between(motion.Planes(d.before.Planes()), motion.Planes(f.Planes()), motion.Planes(g.Planes()))
	if err == nil && !cut {
		return g, nil
	}
	g.Close()
	if err != nil {
		return nil, err
	}
	return d.before.Share()
}

func (d *doubler) drain(emit func(*av.Frame) error) error {
	if d.before == nil {
		return nil
	}
	last := d.before
	d.before = nil
	step := d.step
	if step == 0 {
		step = last.Duration()
	}
	last.SetTime(last.Time() + max(step, 1))
	return emit(last)
}

func (d *doubler) forget() {
	if d.before != nil {
		d.before.Close()
		d.before = nil
	}
}

func (d *doubler) close() {
	d.forget()
	if d.motion != nil {
		d.motion.Close()
	}
}
