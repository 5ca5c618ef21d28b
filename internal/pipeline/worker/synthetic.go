package worker

import (
	"io"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
)

// syntheticRate is the frame rate of made-up frames; it only sets where the encoder puts key frames.
const syntheticRate = 30

// synthetic makes frames, filters and encodes them, and drops the result.
func synthetic(job wire.Job, f filter, t *times) (wire.Done, error) {
	out, err := av.NewOutput(io.Discard, av.MadeUp(job.Width, job.Height, syntheticRate))
	if err != nil {
		return wire.Done{}, err
	}
	defer out.Close()
	for i := range job.FrameCount {
		if err := makeUp(out, f, t, job, i); err != nil {
			return wire.Done{}, err
		}
	}
	now := time.Now()
	if err := out.Finish(); err != nil {
		return wire.Done{}, err
	}
	t.add("mux", now)
	return wire.Done{Frames: out.Frames, OutBytes: out.Written(), Width: job.Width, Height: job.Height}, nil
}

func makeUp(out *av.Output, f filter, t *times, job wire.Job, number int) error {
	now := time.Now()
	frame, err := av.NewFrame(job.Width, job.Height)
	if err != nil {
		return err
	}
	defer frame.Close()
	frame.SetTime(int64(number))
	planes := frame.Planes()
	paint(planes, number)
	now = t.add("generate", now)
	if err := f.Run(infer.Planes(planes), out.Luma()); err != nil {
		return err
	}
	now = t.add("infer", now)
	defer t.add("encode", now)
	return out.WriteVideo(frame)
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
			i := y*p.Stride/2 + x
			p.Cb[i], p.Cr[i] = cb, cr
		}
	}
}
