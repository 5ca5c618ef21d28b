package worker

import (
	"errors"
	"fmt"
	"io"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

var errTaken = errors.New("the picture is taken")

// picture answers with one frame of a body.
func (s *server) picture(job wire.Job, b *body, t *times) (wire.Done, error) {
	defer func() { _ = rewind(s.spool) }() // the next fill reports it
	source, _, err := s.source(b, job.MaxInput)
	if err != nil {
		return wire.Done{}, err
	}
	store := av.NewFrames(keptFrames)
	defer store.Close()
	in, err := av.Open(source, store)
	if err != nil {
		return wire.Done{}, err
	}
	defer in.Close()
	c := &camera{job: job, in: in, out: s.out}
	err = c.run()
	t.add(stageDecode, t.start)
	if errors.Is(err, errTaken) {
		err = nil
	}
	return c.done, err
}

// camera looks for one frame.
type camera struct {
	job  wire.Job
	in   *av.Input
	out  io.Writer
	seen int64
	done wire.Done
}

func (c *camera) run() error {
	for {
		p, err := c.in.Read()
		switch {
		case errors.Is(err, io.EOF):
			if err := c.in.Drain(c.frame); err != nil {
				return err
			}
			return &av.Unsupported{Stage: "decode", Reason: fmt.Sprintf("it has %d frames, and none at %s; ask for an earlier one", c.seen, c.job.At)}
		case err != nil:
			return err
		case p.Video():
			err = c.in.Decode(p, c.frame)
		}
		p.Close()
		if err != nil {
			return err
		}
	}
}

func (c *camera) frame(f *av.Frame) error {
	defer f.Close()
	c.seen++
	at := c.in.TimeOf(f)
	if c.seen <= c.job.Frame || at < c.job.At {
		return nil
	}
	rgb, width, height := c.in.RGB(f)
	if _, err := c.out.Write(rgb); err != nil {
		return err
	}
	c.done = wire.Done{Frames: 1, OutBytes: int64(len(rgb)), Width: width, Height: height, At: at, Rotate: c.in.Rotation()}
	return errTaken
}
