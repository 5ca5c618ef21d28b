package av

/*
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include "io.h"

enum { end_of_file = AVERROR_EOF, io_error = AVERROR(EIO) };
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"runtime/cgo"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// ioBuffer is what FFmpeg reads and writes at a time.
const ioBuffer = 64 << 10

// seekSize asks a seek callback for the size (AVSEEK_SIZE); seekForce is a flag to be ignored (AVSEEK_FORCE).
const (
	seekSize  = 0x10000
	seekForce = 0x20000
)

// pipe lets FFmpeg read from or write to Go. It keeps Go's own error, which FFmpeg would turn into a number.
type pipe struct {
	r      io.Reader
	w      io.Writer
	s      io.Seeker
	err    error
	moved  int64 // bytes read or written
	handle cgo.Handle
	c      *C.AVIOContext
}

// readFrom returns a pipe that reads r, which may be an io.Seeker.
func readFrom(r io.Reader) (*pipe, error) {
	p := &pipe{r: r}
	p.s, _ = r.(io.Seeker)
	return p, p.open(0)
}

// writeTo returns a pipe that writes to w, which may be an io.Seeker.
func writeTo(w io.Writer) (*pipe, error) {
	p := &pipe{w: w}
	p.s, _ = w.(io.Seeker)
	return p, p.open(1)
}

func (p *pipe) open(writable C.int) error {
	var seekable C.int
	if p.s != nil {
		seekable = 1
	}
	p.handle = cgo.NewHandle(p)
	if p.c = C.quicedge_io_open(C.uintptr_t(p.handle), ioBuffer, writable, seekable); p.c == nil {
		p.handle.Delete()
		return fmt.Errorf("open pipe to ffmpeg: %w", errNoMemory)
	}
	return nil
}

// attach makes f read from or write to the pipe.
func (p *pipe) attach(f *astiav.FormatContext) { formatOf(f).pb = p.c }

// flush passes on what FFmpeg has gathered.
func (p *pipe) flush() { C.avio_flush(p.c) }

func (p *pipe) close() {
	if p.c != nil {
		C.quicedge_io_close(p.c)
		p.handle.Delete()
		p.c = nil
	}
}

//export quicedgeRead
func quicedgeRead(handle C.uintptr_t, buf *C.uint8_t, n C.int) C.int {
	p := cgo.Handle(handle).Value().(*pipe)
	got, err := p.r.Read(unsafe.Slice((*byte)(buf), int(n)))
	if got > 0 {
		p.moved += int64(got)
		return C.int(got)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return C.end_of_file
	}
	p.err = err
	return C.io_error
}

//export quicedgeWrite
func quicedgeWrite(handle C.uintptr_t, buf *C.uint8_t, n C.int) C.int {
	p := cgo.Handle(handle).Value().(*pipe)
	put, err := p.w.Write(unsafe.Slice((*byte)(buf), int(n)))
	p.moved += int64(put)
	if err != nil {
		p.err = err
		return C.io_error
	}
	return C.int(put)
}

//export quicedgeSeek
func quicedgeSeek(handle C.uintptr_t, offset C.int64_t, whence C.int) C.int64_t {
	p := cgo.Handle(handle).Value().(*pipe)
	at, err := p.seek(int64(offset), int(whence)&^seekForce)
	if err != nil {
		p.err = err
		return C.io_error
	}
	return C.int64_t(at)
}

func (p *pipe) seek(offset int64, whence int) (int64, error) {
	if whence != seekSize {
		return p.s.Seek(offset, whence)
	}
	here, err := p.s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	size, err := p.s.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = p.s.Seek(here, io.SeekStart)
	return size, err
}
