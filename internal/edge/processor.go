package edge

import (
	"context"
	"io"
	"time"
)

// Processor runs video through named pipelines. Its errors are shown to clients where they are, or wrap, an *Error; any other
// is logged and answered with 500.
type Processor interface {
	// Pipelines returns the names that Process and Synthetic know.
	Pipelines() []string

	// Formats returns the containers that an answer may have, the usual one first, and Codecs the codecs of its video.
	Formats() []string
	Codecs() []string

	// Process reads a video from in and writes the processed one to out while it still reads. It returns when both are done or
	// one has failed, and uses neither after that, but for a Read that is still blocked: in is an io.Closer, and Close ends
	// such a Read. Each Write to out reaches the client at once.
	Process(ctx context.Context, req StreamRequest, in io.Reader, out io.Writer) (StreamStats, error)

	// Synthetic makes frames and runs them through a pipeline. It checks the request's ranges.
	Synthetic(ctx context.Context, req SyntheticRequest) (SyntheticResult, error)
}

// StreamRequest says what is to be made of a stream.
type StreamRequest struct {
	Pipeline string
	Format   string // one of Formats
	Codec    string // one of Codecs, or empty for what the pipeline says
}

// StreamStats says what was done to a stream.
type StreamStats struct {
	Frames      int   // video frames written
	BytesCopied int64 // of raw pictures, between decoder and encoder

	// Verdicts is what a pipeline that moderates thinks of the video, in JSON on one line; empty for the others.
	Verdicts string
}

// SyntheticRequest is the body of POST /api/v1/process.
type SyntheticRequest struct {
	Width      int    `json:"width"`  // pixels
	Height     int    `json:"height"` // pixels
	FrameCount int    `json:"frame_count"`
	Pipeline   string `json:"pipeline"`
}

// SyntheticResult is what a synthetic run took.
type SyntheticResult struct {
	Width, Height, FrameCount int
	Pipeline                  string
	Elapsed                   time.Duration
	Stages                    map[string]time.Duration // by the stage's name
}
