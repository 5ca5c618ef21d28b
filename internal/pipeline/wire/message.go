package wire

import (
	"encoding/json"
	"time"
)

// Hello announces a worker that takes models and jobs.
type Hello struct {
	Protocol int     `json:"protocol"`
	Version  string  `json:"version"`
	PID      int     `json:"pid"`
	Runtime  string  `json:"onnx_runtime"`
	Fences   []Fence `json:"fences,omitempty"`
}

// Fence is one of the things that keep a worker to itself. Missing says why it does not stand; empty: it stands.
type Fence struct {
	Name    string `json:"name"`
	Missing string `json:"missing,omitempty"`
}

// The fences that a kernel may not offer. Limits and no_new_privs always stand.
const (
	FenceNetwork = "network namespace" // no interface, no route
	FenceFiles   = "landlock"          // no file but libraries, no TCP, no signal to others
	FenceCalls   = "seccomp"           // no call but those of a codec at work
)

// Kind is the kind of a job.
type Kind string

// The kinds: a body that is processed as it comes, frames that the worker makes by itself, a video of such frames as they are, and
// one picture of a body.
const (
	KindStream    Kind = "stream"
	KindSynthetic Kind = "synthetic"
	KindPattern   Kind = "pattern"
	KindPicture   Kind = "picture"
)

// Model announces a model, whose ONNX follows as Data and End. Entry is its entry in a manifest, Size that of the ONNX in bytes.
// Graph is what the first worker that loaded it said of it: without, the worker compares it with its entry.
// Prove has the worker run it once before it says Loaded. Forget names models that no job will ask for again.
type Model struct {
	Entry  json.RawMessage `json:"entry"`
	Size   int64           `json:"size"`
	Graph  json.RawMessage `json:"graph,omitempty"`
	Prove  bool            `json:"prove,omitempty"`
	Forget []string        `json:"forget,omitempty"`
}

// Loaded answers a Model that jobs may name from now on. Provider is where it computes: cuda, or cpu and why.
type Loaded struct {
	Model    string          `json:"model"`
	Provider string          `json:"provider"`
	Why      string          `json:"why,omitempty"`
	Graph    json.RawMessage `json:"graph"`
	Elapsed  time.Duration   `json:"elapsed_ns"`
}

// Verdict is what a pipeline thinks of one picture. Scores are by label; Flagged names those that reach their border, Stop the one
// for which the stream ends.
type Verdict struct {
	Position time.Duration      `json:"position_ns"`
	Model    string             `json:"model"`
	Scores   map[string]float32 `json:"scores"`
	Flagged  []string           `json:"flagged,omitempty"`
	Stop     string             `json:"stop,omitempty"`
}

// Job is the order that opens a job. Format is the container of the answer (fmp4, mp4 or ts; empty is fmp4), Codec that of its
// video (h264 or h265; empty is what the pipeline says). Recipe is the pipeline, with every model's version. Width, Height and FrameCount
// belong to KindSynthetic and KindPattern, Frame and At to KindPicture: the first frame that has at least that number, from 0, and
// that time.
type Job struct {
	Kind       Kind            `json:"kind"`
	Pipeline   string          `json:"pipeline"`
	Recipe     json.RawMessage `json:"recipe"`
	Format     string          `json:"format,omitempty"`
	Codec      string          `json:"codec,omitempty"`
	MaxInput   int64           `json:"max_input,omitempty"`
	Width      int             `json:"width,omitempty"`
	Height     int             `json:"height,omitempty"`
	FrameCount int             `json:"frame_count,omitempty"`
	Frame      int64           `json:"frame,omitempty"`
	At         time.Duration   `json:"at_ns,omitempty"`
}

// Progress is how far a job has come. Duration is 0 when the body does not say how long it is.
type Progress struct {
	Frames   int64         `json:"frames"`
	InBytes  int64         `json:"in_bytes"`
	OutBytes int64         `json:"out_bytes"`
	Position time.Duration `json:"position_ns"`
	Duration time.Duration `json:"duration_ns"`
}

// Done ends a job that worked. BytesCopied counts raw pictures that were copied on their way from the decoder to the encoder,
// Allocations what the worker's Go program allocated, the job's set-up included.
type Done struct {
	Frames         int64                    `json:"frames"`
	AudioPackets   int64                    `json:"audio_packets"`
	DamagedPackets int64                    `json:"damaged_packets"`
	InBytes        int64                    `json:"in_bytes"`
	OutBytes       int64                    `json:"out_bytes"`
	BytesCopied    int64                    `json:"bytes_copied"`
	Allocations    int64                    `json:"allocations"`
	Width          int                      `json:"width"`
	Height         int                      `json:"height"`
	Elapsed        time.Duration            `json:"elapsed_ns"`
	Stages         map[string]time.Duration `json:"stages_ns"`

	// Of KindPicture: the body of the answer is Width*Height*3 bytes of red, green and blue.
	At     time.Duration `json:"at_ns,omitempty"`  // time of the picture in the video
	Rotate int           `json:"rotate,omitempty"` // degrees clockwise that it is to be turned by: 0, 90, 180 or 270
}

// Cause says whose fault a failed job is.
type Cause string

// The causes: the body, what is shown in it, a model, no room for a file, or else the worker and its machine.
const (
	CauseMedia     Cause = "media"
	CauseModerated Cause = "moderated"
	CauseModel     Cause = "model"
	CauseRoom      Cause = "room"
	CauseInternal  Cause = "internal"
)

// Fail ends a job that did not work. Reason is for a person and ends with what to do.
type Fail struct {
	Cause  Cause  `json:"cause"`
	Stage  string `json:"stage"`
	Reason string `json:"reason"`
}
