package worker

import (
	"errors"
	"io"
	"time"

	"quicedge/internal/pipeline/av"
)

// queued is how many items may wait between two stages: enough that none waits for another's slow frame, few enough that a
// 4K picture of 12 MB fits so often. keptFrames is how many frames are out at once, about.
const (
	queued     = 3
	keptFrames = 16
)

// readAhead is how many packets may wait for the decoder, so that it need not wait for the body when that comes unevenly.
const readAhead = 16

// item is what passes between stages: a frame, or a packet in its place between them.
type item struct {
	frame  *av.Frame
	packet *av.Packet
}

func (i item) close() {
	if i.frame != nil {
		i.frame.Close()
	}
	if i.packet != nil {
		i.packet.Close()
	}
}

// errStopped is what a stage returns that ends because another has failed.
var errStopped = errors.New("another stage failed")

// halt stops all stages for err, of which the first counts; nil stops nothing.
func (s *stream) halt(stage int, err error) {
	if err == nil || errors.Is(err, errStopped) {
		return
	}
	s.once.Do(func() {
		s.err, s.origin = err, stage
		close(s.stop)
	})
}

// stopped returns why the stages stop, nil while they need not.
func (s *stream) stopped() error {
	select {
	case <-s.stop:
		return s.err
	default:
		return nil
	}
}

// send passes an item on. It returns how long it waited for the next stage.
func (s *stream) send(to chan item, i item) (time.Duration, error) {
	select { // without a look at the clock where there is room
	case to <- i:
		return 0, nil
	default:
	}
	begin := time.Now()
	select {
	case to <- i:
		return time.Since(begin), nil
	case <-s.stop:
		i.close()
		return 0, errStopped
	}
}

// receive returns the next item, and io.EOF after the last.
func (s *stream) receive(from chan item) (item, error) {
	select {
	case i, more := <-from:
		if !more {
			return item{}, io.EOF
		}
		return i, nil
	case <-s.stop:
		return item{}, errStopped
	}
}
