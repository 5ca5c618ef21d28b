package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// When the answer of a stream may begin: the values of its parameter "answer". A client that sends all of its request before it
// reads anything of the answer, as browsers do, would wait for the node, and the node for it, as soon as the answer is larger
// than what lies between them.
const (
	answerAtOnce      = "at-once" // the default
	answerAfterUpload = "after-upload"
)

// answerTime reads the parameter; after says that the answer waits until it is whole.
func answerTime(r *http.Request) (after bool, err error) {
	switch v := r.URL.Query().Get("answer"); v {
	case "", answerAtOnce:
		return false, nil
	case answerAfterUpload:
		return true, nil
	default:
		return false, InvalidField("answer", v, "use "+answerAtOnce+" or "+answerAfterUpload)
	}
}

// held keeps what is written in a file without a name. A client that takes its time to read then holds back no worker, and is not
// what a stream in which nothing moves is: the processor is done before the first byte is released.
type held struct {
	out   io.Writer
	limit int64    // bytes of the file
	file  *os.File // nil before the first byte, and after the last
	size  int64
}

func (h *held) Write(p []byte) (int, error) {
	if h.size+int64(len(p)) > h.limit {
		return 0, tooLarge(h.limit)
	}
	if err := h.open(); err != nil {
		return 0, err
	}
	n, err := h.file.Write(p)
	h.size += int64(n)
	if err != nil {
		err = fmt.Errorf("hold answer: %w", err)
	}
	return n, err
}

func (h *held) open() error {
	if h.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "quicedge-answer-*")
	if err != nil {
		return fmt.Errorf("hold answer: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(fmt.Errorf("hold answer: %w", err), f.Close())
	}
	h.file = f
	return nil
}

// release passes on what was kept.
func (h *held) release() error {
	if h.file == nil {
		return nil
	}
	_, err := h.file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.CopyBuffer(justWriter{h.out}, justReader{h.file}, make([]byte, minChunk))
	}
	return errors.Join(err, h.close())
}

func (h *held) close() error {
	if h.file == nil {
		return nil
	}
	err := h.file.Close()
	h.file = nil
	return err
}

// justWriter and justReader keep io.Copy from finding a way around the buffer: each write is to have its own deadline.
type (
	justWriter struct{ io.Writer }
	justReader struct{ io.Reader }
)
