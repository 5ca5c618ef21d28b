package edge

import (
	"context"
	"io"
	"time"
)

// Processor runs video through named pipelines. Its errors are shown to clients where they are, or wrap, an *Error; any other
// is logged and answered with 500.
type Processor interface {
	// Pipelines returns what Process and Synthetic know, by name.
	Pipelines() []Pipeline

	// Formats returns the containers that an answer may have, the usual one first, and Codecs the codecs of its video.
	Formats() []string
	Codecs() []string

	// Process reads a video from in and writes the processed one to out while it still reads. It returns when both are done or
	// one has failed, and uses neither after that, but for a Read that is still blocked: in is an io.Closer, and Close ends
	// such a Read. Each Write to out reaches the client at once.
	Process(ctx context.Context, req StreamRequest, in io.Reader, out io.Writer) (StreamStats, error)

	// Synthetic makes frames and runs them through a pipeline. It checks the request's ranges.
	Synthetic(ctx context.Context, req SyntheticRequest) (SyntheticResult, error)

	// Pattern writes a short made-up video to out: always the same, for who has no clip at hand.
	Pattern(ctx context.Context, out io.Writer) error
}

// Pipeline is what a client may ask for.
type Pipeline struct {
	Name    string `json:"name"`
	Summary string `json:"summary"` // what it does, in one sentence
	Gives   []Give `json:"gives"`
}

// Give is what a pipeline makes of a video.
type Give string

// What pipelines give.
const (
	GivesVideo    Give = "video"
	GivesVerdicts Give = "verdicts" // in the state of the stream
)

// Verdict is what a pipeline thinks of one picture.
type Verdict struct {
	PositionMs float64            `json:"position_ms"` // of the picture in the video
	Model      string             `json:"model"`
	Scores     map[string]float32 `json:"scores"`            // by label
	Flagged    []string           `json:"flagged,omitempty"` // labels whose scores reach their borders
	Stop       string             `json:"stop,omitempty"`    // the label for which the stream was ended
}

// StreamRequest says what is wanted of a stream.
type StreamRequest struct {
	Pipeline string
	Format   string // one of Formats
	Codec    string // one of Codecs, or empty for what the pipeline says

	// Progress is told how far the stream is, a few times a second and from one goroutine at a time.
	Progress func(StreamStats)
}

// StreamStats says what was done to a stream, at its end or so far.
type StreamStats struct {
	Frames       int // video frames written
	AudioPackets int
	Width        int // pixels
	Height       int
	InBytes      int64
	OutBytes     int64
	BytesCopied  int64                    // of raw pictures, between decoder and encoder; known at the end
	Position     time.Duration            // of the last frame in the video
	Duration     time.Duration            // of the video; 0 where it does not say
	Stages       map[string]time.Duration // time spent, by the stage's name; known at the end
	Verdicts     []Verdict                // of a pipeline that gives them; known at the end

	// Judgement sums the verdicts up, in JSON on one line; empty where there are none.
	Judgement string
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
