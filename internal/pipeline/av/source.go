package av

import (
	"errors"
	"io"
	"syscall"

	"github.com/asticode/go-astiav"
)

// ioBuffer is what FFmpeg reads and writes at a time.
const ioBuffer = 64 << 10

// seekSize asks a seek callback for the size (AVSEEK_SIZE); seekForce is a flag to be ignored (AVSEEK_FORCE).
const (
	seekSize  = 0x10000
	seekForce = 0x20000
)

const (
	errNoMemory   = astiav.Error(-int(syscall.ENOMEM))
	tooMuchMemory = "it needs more memory than a worker may use; send a smaller picture"
)

// source lets FFmpeg read an io.Reader and keeps the reader's own error, which FFmpeg would turn into a number.
type source struct {
	r   io.Reader
	err error
}

func (s *source) context() (*astiav.IOContext, error) {
	if seeker, ok := s.r.(io.Seeker); ok {
		return astiav.AllocIOContext(ioBuffer, false, s.read, func(off int64, whence int) (int64, error) {
			return s.seek(seeker, off, whence&^seekForce)
		}, nil)
	}
	return astiav.AllocIOContext(ioBuffer, false, s.read, nil, nil)
}

func (s *source) read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if n > 0 {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return 0, astiav.ErrEof
	}
	s.err = err
	return 0, astiav.ErrEio
}

func (s *source) seek(seeker io.Seeker, off int64, whence int) (int64, error) {
	if whence != seekSize {
		return seeker.Seek(off, whence)
	}
	here, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	size, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = seeker.Seek(here, io.SeekStart)
	return size, err
}

// explain returns the reader's own error if it had one, else what is wrong with the input.
func (s *source) explain(err error, fault *Unsupported) error {
	if s.err != nil {
		return s.err
	}
	if errors.Is(err, errNoMemory) {
		return &Unsupported{fault.Stage, tooMuchMemory}
	}
	return fault
}
