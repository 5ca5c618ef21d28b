package worker

import (
	"fmt"
	"io"
	"sync/atomic"

	"quicedge/internal/pipeline/wire"
)

// body reads the Data frames of a job up to its End. A frame is taken off the socket only when the demuxer wants it:
// that is the back-pressure.
type body struct {
	frames *wire.Reader
	rest   []byte
	taken  atomic.Int64 // bytes; read by the stage that reports
	ended  bool
	broken error // the socket's, not the video's
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.taken.Add(int64(n))
	return n, nil
}

func (b *body) next() error {
	if b.ended {
		return io.EOF
	}
	f, err := b.frames.Next()
	if err == nil && f.Type != wire.TypeData && f.Type != wire.TypeEnd {
		err = fmt.Errorf("%w: %s inside a body", wire.ErrFrame, f.Type)
	}
	if err != nil {
		b.ended, b.broken = true, err
		return err
	}
	b.rest = f.Payload
	if f.Type == wire.TypeEnd {
		b.ended = true
		return io.EOF
	}
	return nil
}

// discard takes what is left of the body, so that the next frame is the next job.
func (b *body) discard() error {
	for !b.ended {
		if err := b.next(); err != nil && b.broken != nil {
			return fmt.Errorf("discard body: %w", err)
		}
	}
	return nil
}
