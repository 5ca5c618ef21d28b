package worker

import (
	"errors"
	"io"
	"sync"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// stages runs the stages to their end.
func (s *stream) stages() error {
	s.demuxed, s.decoded, s.filtered = make(chan item, readAhead), make(chan item, queued), make(chan item, queued)
	s.stop = make(chan struct{})
	var reading, others sync.WaitGroup
	run := func(group *sync.WaitGroup, stage int, work func() error, out chan item) {
		group.Go(func() {
			s.halt(stage, work())
			close(out)
		})
	}
	run(&reading, stageDemux, s.demux, s.demuxed)
	run(&others, stageDecode, s.decode, s.decoded)
	run(&others, stageInfer, s.filter, s.filtered)
	s.halt(stageEncode, s.encode())
	others.Wait() // what a filter says goes before the end
	var told error
	if err := s.stopped(); err != nil && s.origin != stageDemux {
		told = s.fail(err) // the first stage may be waiting for a body that ends when the node knows
	}
	reading.Wait()
	for _, c := range []chan item{s.demuxed, s.decoded, s.filtered} {
		for i := range c {
			i.close()
		}
	}
	return errors.Join(s.stopped(), told)
}

// demux is the first stage. It waits for the body.
func (s *stream) demux() error {
	for {
		begin := time.Now()
		p, err := s.input.Read()
		s.times.add(stageDemux, begin)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = s.send(s.demuxed, item{packet: p})
		}
		if err != nil {
			return err
		}
	}
}

// decode is the second stage.
func (s *stream) decode() error {
	emit := func(f *av.Frame) error {
		waited, err := s.send(s.decoded, item{frame: f})
		s.times.less(stageDecode, waited)
		return err
	}
	for {
		i, err := s.receive(s.demuxed)
		begin := time.Now()
		switch {
		case errors.Is(err, io.EOF):
			defer s.times.add(stageDecode, begin)
			return s.input.Drain(emit)
		case err != nil:
			return err
		case i.packet.Video():
			err = s.input.Decode(i.packet, emit)
			i.close()
			s.times.add(stageDecode, begin)
		default:
			_, err = s.send(s.decoded, i)
		}
		if err != nil {
			return err
		}
	}
}

// filter is the third stage: what the pipeline does with frames.
func (s *stream) filter() error {
	emit := func(f *av.Frame) error {
		waited, err := s.send(s.filtered, item{frame: f})
		s.times.less(stageInfer, waited)
		return err
	}
	for {
		i, err := s.receive(s.decoded)
		begin := time.Now()
		switch {
		case errors.Is(err, io.EOF):
			defer s.times.add(stageInfer, begin)
			return s.chain.drain(emit)
		case err != nil:
			return err
		case i.frame != nil:
			err = s.chain.frame(i.frame, emit)
			s.times.add(stageInfer, begin)
		default:
			_, err = s.send(s.filtered, i)
		}
		if err != nil {
			return err
		}
	}
}

// encode is the last stage: encode and mux.
func (s *stream) encode() error {
	for {
		i, err := s.receive(s.filtered)
		begin := time.Now()
		switch {
		case errors.Is(err, io.EOF):
			defer s.times.add(stageMux, begin)
			return s.output.Finish()
		case err != nil:
			return err
		case i.frame != nil:
			err = s.output.WriteVideo(i.frame)
			s.times.add(stageEncode, begin)
		default:
			err = s.output.WriteAudio(i.packet)
			s.times.add(stageMux, begin)
		}
		i.close()
		if err != nil {
			return err
		}
		if err := s.report(begin); err != nil {
			return err
		}
	}
}

// report tells the node how far the job is, now and then.
func (s *stream) report(now time.Time) error {
	if now.Sub(s.reported) < progressEvery {
		return nil
	}
	s.reported = now
	return s.server.out.SendJSON(wire.TypeProgress, wire.Progress{
		Frames: s.output.Frames, InBytes: s.body.taken.Load(), OutBytes: s.output.Written(),
		Position: s.output.Position(), Duration: s.duration,
	})
}
