package worker

import (
	"errors"
	"io"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
)

// progressEvery is how often the node is told how far a job is.
const progressEvery = 200 * time.Millisecond

// stream processes a body as it comes.
func (s *server) stream(job wire.Job, f filter, b *body, t *times) (wire.Done, error) {
	defer func() { _ = rewind(s.spool) }() // the next fill reports it
	source, boxes, err := s.source(b, job.MaxInput)
	if err != nil {
		return wire.Done{}, err
	}
	done, err := (&stream{filter: f, body: b, out: s.out, times: t}).run(source)
	if boxes.cut() {
		return wire.Done{}, &av.Unsupported{Stage: "demux", Reason: "the MP4 file is truncated: it ends in the middle of a box; send all of it again"}
	}
	return done, err
}

// stream is one body on its way: demux, decode, filter, encode, mux, in one goroutine and frame by frame.
type stream struct {
	filter   filter
	body     *body
	out      *wire.Writer
	times    *times
	reported time.Time

	input  *av.Input
	output *av.Output
}

func (s *stream) run(source io.Reader) (wire.Done, error) {
	begin := time.Now()
	var err error
	if s.input, err = av.Open(source); err != nil {
		return wire.Done{}, err
	}
	defer s.input.Close()
	format, err := s.input.Format()
	if err != nil {
		return wire.Done{}, err
	}
	s.times.add("demux", begin)
	if s.output, err = av.NewOutput(s.out, format); err != nil {
		return wire.Done{}, err
	}
	defer s.output.Close()
	if err := s.packets(); err != nil {
		return wire.Done{}, err
	}
	return wire.Done{
		Frames: s.output.Frames, AudioPackets: s.output.AudioPackets, DamagedPackets: s.input.Damaged(),
		OutBytes: s.output.Written(), Width: format.Width, Height: format.Height,
	}, nil
}

func (s *stream) packets() error {
	for {
		now := time.Now()
		p, err := s.input.Read()
		now = s.times.add("demux", now)
		switch {
		case errors.Is(err, io.EOF):
			return s.finish()
		case err != nil:
			return err
		case p.Video():
			err = s.decode(func() error { return s.input.Decode(p, s.frame) })
		default:
			err = s.output.WriteAudio(p)
			s.times.add("mux", now)
		}
		if err != nil {
			return err
		}
		if err := s.report(); err != nil {
			return err
		}
	}
}

// decode runs call, which calls frame for each decoded frame, and counts as decoding what frame did not take.
func (s *stream) decode(call func() error) error {
	inner := func() time.Duration { return s.times.stages["infer"] + s.times.stages["encode"] }
	begin, before := time.Now(), inner()
	err := call()
	s.times.stages["decode"] += time.Since(begin) - (inner() - before)
	return err
}

// frame filters one frame and encodes it.
func (s *stream) frame(f *av.Frame) error {
	now := time.Now()
	if err := s.filter.Run(infer.Planes(f.Planes()), s.output.Luma()); err != nil {
		return err
	}
	now = s.times.add("infer", now)
	defer s.times.add("encode", now)
	return s.output.WriteVideo(f)
}

func (s *stream) finish() error {
	if err := s.decode(func() error { return s.input.Drain(s.frame) }); err != nil {
		return err
	}
	defer s.times.add("mux", time.Now())
	return s.output.Finish()
}

func (s *stream) report() error {
	if time.Since(s.reported) < progressEvery {
		return nil
	}
	s.reported = time.Now()
	return s.out.SendJSON(wire.TypeProgress, wire.Progress{
		Frames: s.output.Frames, InBytes: s.body.taken, OutBytes: s.output.Written(),
		Position: s.input.Position(), Duration: s.input.Duration(),
	})
}
