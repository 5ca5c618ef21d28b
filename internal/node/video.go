package node

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/edge"
	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/privilege"
)

// video gives the routes the pool of workers, or the reason why there is none.
type video struct {
	pool    *pipeline.Pool // nil: none
	err     error
	shipped *pipeline.Library // what is in the program
}

// startVideo starts the workers. A node without them still serves files.
func (n *Node) startVideo(ctx context.Context) error {
	pool, err := pipeline.New(ctx, pipeline.Config{
		Worker:     n.cfg.VideoWorker,
		Pipelines:  n.cfg.Pipelines,
		Models:     n.cfg.Models,
		Reading:    func(read func()) { privilege.With(read, cap.DAC_READ_SEARCH) },
		Workers:    n.cfg.VideoWorkers,
		Queue:      n.cfg.VideoQueue,
		JobTimeout: n.cfg.VideoTimeout,
		MaxInput:   n.cfg.VideoMaxUploadMiB << 20,
		Log:        n.log,
	})
	if err != nil {
		n.log.Warn("serving without video workers: uploads are answered with 503", "error", err)
	}
	library, shippedErr := pipeline.OpenLibrary("", "")
	if shippedErr != nil {
		return shippedErr
	}
	n.video = &video{pool: pool, err: err, shipped: library}
	return nil
}

func (v *video) ready() error {
	if v.pool == nil {
		return v.err
	}
	return v.pool.Ready()
}

func (v *video) close(ctx context.Context) error {
	if v.pool == nil {
		return nil
	}
	return v.pool.Close(ctx)
}

// library is what clients may ask for, also where nobody is there to do it.
func (v *video) library() *pipeline.Library {
	if v.pool == nil {
		return v.shipped
	}
	return v.pool.Library()
}

// Pipelines implements edge.Processor.
func (v *video) Pipelines() []edge.Pipeline {
	var all []edge.Pipeline
	for _, r := range v.library().Pipelines() {
		gives := []edge.Give{edge.GivesVideo}
		if slices.ContainsFunc(r.Stages, func(s recipe.Stage) bool { return s.Do == recipe.Moderate }) {
			gives = append(gives, edge.GivesVerdicts)
		}
		all = append(all, edge.Pipeline{Name: r.Name, Summary: r.Summary, Gives: gives})
	}
	return all
}

// Formats implements edge.Processor.
func (v *video) Formats() []string { return pipeline.Formats() }

// Codecs implements edge.Processor.
func (v *video) Codecs() []string { return pipeline.Codecs() }

// Process implements edge.Processor.
func (v *video) Process(ctx context.Context, req edge.StreamRequest, in io.Reader, out io.Writer) (edge.StreamStats, error) {
	if v.pool == nil {
		return edge.StreamStats{}, noWorker(v.err)
	}
	var last pipeline.Progress
	stream := pipeline.Stream{Pipeline: req.Pipeline, Format: req.Format, Codec: req.Codec}
	stats, err := v.pool.Process(ctx, stream, in, out, func(p pipeline.Progress) {
		last = p
		if req.Progress != nil {
			req.Progress(edge.StreamStats{Frames: int(p.Frames), InBytes: p.InBytes, OutBytes: p.OutBytes, Position: p.Position, Duration: p.Duration})
		}
	})
	return edge.StreamStats{
		Frames: int(stats.Frames), AudioPackets: int(stats.AudioPackets), Width: stats.Width, Height: stats.Height,
		InBytes: stats.InBytes, OutBytes: stats.OutBytes, BytesCopied: stats.BytesCopied, Position: last.Position, Duration: last.Duration, Stages: stats.Stages,
		Verdicts:  verdicts(stats.Verdicts),
		Judgement: judgementOf(stats),
	}, asEdgeError(err)
}

func verdicts(all []pipeline.Verdict) []edge.Verdict {
	var out []edge.Verdict
	for _, v := range all {
		out = append(out, edge.Verdict{
			PositionMs: float64(v.Position) / float64(time.Millisecond), Model: v.Model, Scores: v.Scores, Flagged: v.Flagged, Stop: v.Stop,
		})
	}
	return out
}

// Pattern implements edge.Processor.
func (v *video) Pattern(ctx context.Context, out io.Writer) error {
	if v.pool == nil {
		return noWorker(v.err)
	}
	return asEdgeError(v.pool.Pattern(ctx, out))
}

// Synthetic implements edge.Processor.
func (v *video) Synthetic(ctx context.Context, req edge.SyntheticRequest) (edge.SyntheticResult, error) {
	if err := pipeline.SyntheticRequest(req).Validate(); err != nil {
		return edge.SyntheticResult{}, asEdgeError(err)
	}
	if v.pool == nil {
		return edge.SyntheticResult{}, noWorker(v.err)
	}
	r, err := v.pool.Synthetic(ctx, pipeline.SyntheticRequest(req))
	return edge.SyntheticResult{
		Width: r.Width, Height: r.Height, FrameCount: r.FrameCount, Pipeline: r.Pipeline, Elapsed: r.Elapsed, Stages: r.Stages,
	}, asEdgeError(err)
}

// asEdgeError gives the pipeline's errors their HTTP status. An error of the client's own connection stays as it is.
func asEdgeError(err error) error {
	var invalid *pipeline.InvalidError
	var media *pipeline.MediaError
	var moderated *pipeline.ModeratedError
	var busy *pipeline.BusyError
	e := &edge.Error{Err: err}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return edge.InvalidField(invalid.Field, invalid.Value, invalid.Reason)
	case errors.As(err, &media):
		e.Status, e.Code, e.Message = 422, "bad_media", media.Error()
	case errors.As(err, &moderated):
		e.Status, e.Code, e.Message = 403, "moderated", moderated.Error()
	case errors.Is(err, pipeline.ErrUnknownPipeline):
		e.Status, e.Code, e.Message, e.Field = 400, "unknown_pipeline", err.Error(), "pipeline"
	case errors.As(err, &busy):
		e.Status, e.Code, e.Message, e.RetryAfter = 503, "busy", "all video workers are busy: try again", busy.RetryAfter
	case errors.Is(err, pipeline.ErrWorkerDied):
		e.Status, e.Code, e.Message = 502, "worker_died", "the video worker died while it had this stream; a new one is ready: send the stream again"
	case errors.Is(err, pipeline.ErrTimeout):
		e.Status, e.Code, e.Message = 504, "timeout", "the stream took too long: send it faster, or a shorter one"
	case errors.Is(err, pipeline.ErrTooLarge):
		e.Status, e.Code, e.Message = 413, "body_too_large", "the video is larger than this node takes: send a shorter one"
	case errors.Is(err, pipeline.ErrClosed):
		return noWorker(err)
	default:
		return err
	}
	return e
}

func noWorker(cause error) error {
	const message = "this node has no video worker now: try another node, or later"
	return &edge.Error{Status: 503, Code: "no_worker", Message: message, RetryAfter: 10 * time.Second, Err: cause}
}
