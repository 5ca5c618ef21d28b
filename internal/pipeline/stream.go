package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"quicedge/internal/pipeline/wire"
)

// Stream says what is to be made of a video.
type Stream struct {
	// Pipeline is the name of the pipeline.
	Pipeline string
	// Format is the container of the answer: one of Formats; empty is FragmentedMP4.
	Format string
	// Codec is that of the answer's video: one of Codecs; empty leaves it to the pipeline.
	Codec string
}

// The containers of an answer. FragmentedMP4 and MPEGTS are sent while the video comes in, MP4 when all of it is there.
const (
	FragmentedMP4 = "fmp4"
	MP4           = "mp4"
	MPEGTS        = "ts"
)

// Formats returns the containers that an answer may have.
func Formats() []string { return []string{FragmentedMP4, MP4, MPEGTS} }

// Codecs returns the codecs that an answer may have.
func Codecs() []string { return []string{"h264", "h265"} }

// Validate returns an *InvalidError for the first field that is not known. Whether there is such a pipeline, a Pool knows.
func (s Stream) Validate() error {
	for _, f := range []struct {
		field, value string
		known        []string
	}{{"format", s.Format, Formats()}, {"codec", s.Codec, Codecs()}} {
		if f.value != "" && !slices.Contains(f.known, f.value) {
			return &InvalidError{Field: f.field, Value: strconv.Quote(f.value), Reason: "must be one of " + strings.Join(f.known, ", ")}
		}
	}
	return nil
}

func (s Stream) job(maxInput int64) wire.Job {
	return wire.Job{Kind: wire.KindStream, Pipeline: s.Pipeline, Format: s.Format, Codec: s.Codec, MaxInput: maxInput}
}
