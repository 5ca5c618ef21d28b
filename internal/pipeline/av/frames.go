package av

/*
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
*/
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// Frames keeps what frames are made of, for one stream: headers and pictures that are done with serve again. Its methods
// may be called from several goroutines.
type Frames struct {
	free     chan *Frame
	pictures buffers
	lumas    buffers
	copied   atomic.Int64
}

// NewFrames returns a store that keeps up to n frames for later.
func NewFrames(n int) *Frames { return &Frames{free: make(chan *Frame, n)} }

// take returns a frame without a picture. A nil store makes one that belongs to nobody.
func (s *Frames) take() *Frame {
	if s != nil {
		select {
		case f := <-s.free:
			return f
		default:
		}
	}
	return &Frame{f: astiav.AllocFrame(), home: s}
}

func (s *Frames) put(f *Frame) {
	select {
	case s.free <- f:
	default:
		f.f.Free()
	}
}

// Copied counts bytes of a raw picture that were copied; zero is the aim.
func (s *Frames) Copied(bytes int) {
	if s != nil {
		s.copied.Add(int64(bytes))
	}
}

// BytesCopied is the sum of what Copied was told.
func (s *Frames) BytesCopied() int64 { return s.copied.Load() }

// Picture returns a frame with a picture of its own, in planar 4:2:0, not cleared. Width and height are even.
func (s *Frames) Picture(width, height int) (*Frame, error) {
	stride := (width + planeAlign - 1) &^ (planeAlign - 1)
	luma := stride * height
	b, err := s.pictures.get(luma*3/2 + planeAlign)
	if err != nil {
		return nil, fmt.Errorf("allocate %dx%d picture: %w", width, height, err)
	}
	f := s.take()
	c := raw(f.f)
	c.width, c.height, c.format = C.int(width), C.int(height), C.int(astiav.PixelFormatYuv420P)
	c.buf[0] = b
	for i, offset := range [...]int{0, luma, luma + luma/4} {
		c.data[i] = (*C.uint8_t)(unsafe.Add(unsafe.Pointer(b.data), offset))
		c.linesize[i] = C.int(stride / min(i+1, 2))
	}
	return f, nil
}

// Beside returns a frame with a picture of its own, not cleared, that has size, time and colours of f.
func (s *Frames) Beside(f *Frame) (*Frame, error) {
	g, err := s.Picture(f.f.Width(), f.f.Height())
	if err != nil {
		return nil, err
	}
	g.SetTime(f.Time())
	g.SetDuration(f.Duration())
	g.takeColours(f.f)
	return g, nil
}

// Regular takes f over and returns it, or a copy in its place where chroma rows are not half as far apart as those of luma: behind
// WithLuma.
func (s *Frames) Regular(f *Frame) (*Frame, error) {
	from := f.Planes()
	if from.Stride == 2*from.ChromaStride {
		return f, nil
	}
	defer f.Close()
	g, err := s.Beside(f)
	if err != nil {
		return nil, err
	}
	to := g.Planes()
	copyRows(to.Y, to.Stride, from.Y, from.Stride, from.Width, from.Height)
	copyRows(to.Cb, to.ChromaStride, from.Cb, from.ChromaStride, from.Width/2, from.Height/2)
	copyRows(to.Cr, to.ChromaStride, from.Cr, from.ChromaStride, from.Width/2, from.Height/2)
	s.Copied(from.Width * from.Height * 3 / 2)
	return g, nil
}

func copyRows(to []byte, toStride int, from []byte, fromStride, width, height int) {
	for y := range height {
		copy(to[y*toStride:][:width], from[y*fromStride:][:width])
	}
}

// Share returns a second reference to the picture of f, with its time.
func (f *Frame) Share() (*Frame, error) {
	g := f.home.take()
	if r := result(C.av_frame_ref(raw(g.f), raw(f.f))); r < 0 {
		g.Close()
		return nil, fmt.Errorf("share frame: %w", r.err())
	}
	return g, nil
}

// WithLuma returns a frame with the chroma and the time of f, and a luma plane of its own: Width x Height bytes without
// padding, not cleared.
func (f *Frame) WithLuma() (*Frame, error) {
	g, err := f.Share()
	if err != nil {
		return nil, err
	}
	c := raw(g.f)
	b, err := f.home.lumas.get(int(c.width)*int(c.height) + planeAlign)
	if err != nil {
		g.Close()
		return nil, fmt.Errorf("allocate %dx%d luma: %w", int(c.width), int(c.height), err)
	}
	c.buf[len(c.buf)-1] = b // the last place: decoders and Picture use the first ones
	c.data[0], c.linesize[0] = b.data, c.width
	return g, nil
}

// Luma is the first plane of the picture, its rows' padding included.
func (f *Frame) Luma() []byte {
	c := raw(f.f)
	return unsafe.Slice((*byte)(c.data[0]), int(c.linesize[0])*int(c.height))
}

// Close frees what is kept. Frames that are still out keep their pictures until they are closed.
func (s *Frames) Close() {
	for {
		select {
		case f := <-s.free:
			f.f.Free()
		default:
			s.pictures.close()
			s.lumas.close()
			return
		}
	}
}

// buffers is FFmpeg's pool of buffers of one size.
type buffers struct {
	mu   sync.Mutex
	pool *C.AVBufferPool
	size int
}

func (b *buffers) get(size int) (*C.AVBufferRef, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if size != b.size {
		C.av_buffer_pool_uninit(&b.pool)
		b.pool, b.size = C.av_buffer_pool_init(C.size_t(size), nil), size
	}
	if b.pool == nil {
		return nil, errNoMemory
	}
	ref := C.av_buffer_pool_get(b.pool)
	if ref == nil {
		return nil, errNoMemory
	}
	return ref, nil
}

func (b *buffers) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	C.av_buffer_pool_uninit(&b.pool)
	b.size = 0
}
