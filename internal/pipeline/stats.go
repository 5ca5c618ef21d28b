package pipeline

import (
	"time"

	"quicedge/internal/pipeline/wire"
)

// Progress is how far a job has come. Position is the time of the last frame in the video; Duration is 0 when the
// video does not say how long it is (MPEG-TS, Annex B).
type Progress struct {
	Frames            int64
	InBytes, OutBytes int64
	Position          time.Duration
	Duration          time.Duration
}

// Stats is what a finished job did. Stages is the time spent in demux, decode, infer, encode and mux, which overlap; waiting
// for the body is in demux, for the receiver in encode and mux. DamagedPackets counts packets that the decoder refused and
// that were left out. BytesCopied counts raw pictures that were copied on their way from the decoder to the encoder: where
// their format or size had to change. Allocations counts those of the worker's Go program, the job's set-up included.
type Stats struct {
	Frames, AudioPackets int64
	DamagedPackets       int64
	InBytes, OutBytes    int64
	BytesCopied          int64
	Allocations          int64
	Width, Height        int
	Elapsed              time.Duration
	Stages               map[string]time.Duration
	// Verdicts are those of a pipeline that moderates, the first 3600 of Judged.
	Verdicts []Verdict
	Judged   int64
}

func (x *exchange) stats(d wire.Done) Stats {
	return Stats{
		Frames: d.Frames, AudioPackets: d.AudioPackets, DamagedPackets: d.DamagedPackets,
		InBytes: d.InBytes, OutBytes: d.OutBytes, BytesCopied: d.BytesCopied, Allocations: d.Allocations,
		Width: d.Width, Height: d.Height,
		Elapsed: d.Elapsed, Stages: d.Stages, Verdicts: x.verdicts, Judged: x.judged,
	}
}
