package worker

import (
	"io"
	"sync"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// progressEvery is how often the node is told how far a job is.
const progressEvery = 200 * time.Millisecond

// stream processes a body as it comes. fail tells the node of an error before the body is at its end.
func (s *server) stream(job wire.Job, b *body, t *times, fail func(error) error) (wire.Done, error) {
	defer func() { _ = rewind(s.spool) }() // the next fill reports it
	source, boxes, err := s.source(b, job.MaxInput)
	if err != nil {
		return wire.Done{}, err
	}
	st := newStream(s, job, b, t, fail)
	defer st.store.Close()
	done, err := st.run(source)
	if boxes.cut() {
		return wire.Done{}, &av.Unsupported{Stage: "demux", Reason: "the MP4 file is truncated: it ends in the middle of a box; send all of it again"}
	}
	return done, err
}

// stream is one body on its way: demux, decode, the pipeline's filters, encode and mux, each in a goroutine of its own.
type stream struct {
	server   *server
	job      wire.Job
	body     *body
	times    *times
	fail     func(error) error
	store    *av.Frames
	reported time.Time
	duration time.Duration // of the input, 0 for unknown

	input  *av.Input
	chain  *chain
	output *av.Output
	target *target

	demuxed, decoded, filtered chan item
	stop                       chan struct{} // closed by the first stage that fails
	once                       sync.Once
	err                        error // why, once stop is closed
	origin                     int   // the stage that failed
}

func newStream(s *server, job wire.Job, b *body, t *times, fail func(error) error) *stream {
	return &stream{server: s, job: job, body: b, times: t, fail: fail, store: av.NewFrames(keptFrames)}
}

func (s *stream) run(source io.Reader) (done wire.Done, err error) {
	begin := time.Now()
	if s.input, err = av.Open(source, s.store); err != nil {
		return done, err
	}
	defer s.input.Close()
	format, err := s.input.Format()
	if err != nil {
		return done, err
	}
	s.duration = s.input.Duration()
	s.times.add(stageDemux, begin)
	if s.chain, err = s.server.newChain(s.job, s.store, format.Tick()); err != nil {
		return done, err
	}
	defer s.chain.close()
	if s.target, err = s.server.newTarget(s.job, s.chain); err != nil {
		return done, err
	}
	defer s.target.close()
	if s.output, err = av.NewOutput(s.target.w, outputFormat(format, s.job, s.chain)); err != nil {
		return done, err
	}
	defer s.output.Close()
	if err := s.stages(); err != nil {
		return done, err
	}
	return s.done(format)
}

// outputFormat is the format of a job's output: what the client asks for counts before what the pipeline says.
func outputFormat(f av.Format, job wire.Job, c *chain) av.Format {
	f.Container, f.Encoding = av.Container(job.Format), c.encoding()
	if job.Codec != "" {
		f.Encoding.Codec = job.Codec
	}
	if n := c.faster(); n > 1 {
		f = f.Faster(n)
	}
	return f
}

// done sends what the target still holds.
func (s *stream) done(f av.Format) (wire.Done, error) {
	begin := time.Now()
	if err := s.target.finish(); err != nil {
		return wire.Done{}, err
	}
	s.times.add(stageMux, begin)
	return wire.Done{
		Frames: s.output.Frames, AudioPackets: s.output.AudioPackets, DamagedPackets: s.input.Damaged(),
		OutBytes: s.target.sent.n, BytesCopied: s.store.BytesCopied(), Width: f.Width, Height: f.Height,
	}, nil
}
