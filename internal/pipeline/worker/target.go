package worker

import (
	"fmt"
	"io"
	"os"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/wire"
)

// target is where the muxer of a job writes, and what is sent of it.
type target struct {
	w     io.Writer
	sent  *counter
	file  *boundedFile // of MP4, whose index is sent first and made last; else nil
	chain *chain
}

// newTarget returns the target for the container that the job asks for.
func (s *server) newTarget(job wire.Job, c *chain) (*target, error) {
	t := &target{chain: c, sent: &counter{w: c.output(s.out)}}
	t.w = t.sent
	if av.Container(job.Format) != av.MP4 {
		return t, nil
	}
	if err := rewind(s.made); err != nil {
		return nil, err
	}
	t.file = &boundedFile{File: s.made, limit: mostMade}
	if job.MaxInput > 0 {
		t.file.limit = min(t.file.limit, job.MaxInput)
	}
	t.w = t.file
	return t, nil
}

// finish sends what the muxer has made but not sent.
func (t *target) finish() error {
	if t.file != nil {
		if err := sendIndexFirst(t.sent, t.file.File); err != nil {
			return err
		}
	}
	return t.chain.release()
}

// close empties the file.
func (t *target) close() {
	if t.file != nil {
		_ = rewind(t.file.File) // the next job's newTarget reports it
	}
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// mostMade bounds an MP4 file that is made, in bytes, so that its index can count in 32 bits.
const mostMade = 4<<30 - 64<<20

// boundedFile is a file that takes no more than limit bytes.
type boundedFile struct {
	*os.File
	limit int64
}

// Write implements io.Writer.
func (f *boundedFile) Write(p []byte) (int, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at+int64(len(p)) > f.limit {
		return 0, &av.Unsupported{Stage: "mux", Reason: fmt.Sprintf("the MP4 file would be over %d bytes; ask for fragmented MP4 or send a shorter one", f.limit)}
	}
	return f.File.Write(p)
}
