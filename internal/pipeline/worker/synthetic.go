package worker

import (
	"io"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// syntheticRate is the frame rate of made-up frames; it only sets where the encoder puts key frames.
const syntheticRate = 30

// synthetic makes frames, filters and encodes them, and drops the result.
func (s *server) synthetic(job wire.Job, t *times) (wire.Done, error) {
	store := av.NewFrames(keptFrames)
	defer store.Close()
	chain, err := s.newChain(job, store, 1.0/syntheticRate)
	if err != nil {
		return wire.Done{}, err
	}
	defer chain.close()
	out, err := av.NewOutput(io.Discard, outputFormat(av.MadeUp(job.Width, job.Height, syntheticRate), job, chain))
	if err != nil {
		return wire.Done{}, err
	}
	defer out.Close()
	if err := (&maker{chain: chain, out: out, times: t, store: store}).run(job); err != nil {
		return wire.Done{}, err
	}
	return wire.Done{
		Frames: out.Frames, OutBytes: out.Written(), BytesCopied: store.BytesCopied(), Width: job.Width, Height: job.Height,
	}, nil
}

// maker puts made-up frames through a chain, one after the other.
type maker struct {
	chain *chain
	out   *av.Output
	times *times
	store *av.Frames
}

func (m *maker) run(job wire.Job) error {
	for i := range job.FrameCount {
		begin := time.Now()
		f, err := m.store.Picture(job.Width, job.Height)
		if err != nil {
			return err
		}
		f.SetTime(int64(i))
		f.SetDuration(1)
		paint(f.Planes(), i)
		begin = m.times.add(stageGenerate, begin)
		err = m.chain.frame(f, m.encode)
		m.times.add(stageInfer, begin)
		if err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := m.chain.drain(m.encode); err != nil {
		return err
	}
	defer m.times.add(stageMux, begin)
	return m.out.Finish()
}

// encode is called by the chain, whose time is measured without it.
func (m *maker) encode(f *av.Frame) error {
	begin := time.Now()
	err := m.out.WriteVideo(f)
	f.Close()
	m.times.less(stageInfer, m.times.add(stageEncode, begin).Sub(begin))
	return err
}

// paint draws a band of grainy skin that moves over a grainy gradient. The grain is a linear congruential sequence:
// the same picture for the same number, on every machine.
func paint(p av.Planes, number int) {
	seed := uint32(number)*2654435761 + 1
	for y := range p.Height {
		row := p.Y[y*p.Stride:][:p.Width]
		for x := range row {
			seed = seed*1664525 + 1013904223
			row[x] = byte(96 + (x+y+number)%64 + int(seed>>29))
		}
	}
	band := p.Width / 6
	left := number * 2 % max(p.Width/2-band, 1)
	for y := range p.Height / 2 {
		for x := range p.Width / 2 {
			cb, cr := byte(140), byte(110)
			if x >= left && x < left+band {
				cb, cr = 102, 153
			}
			i := y*p.ChromaStride + x
			p.Cb[i], p.Cr[i] = cb, cr
		}
	}
}
