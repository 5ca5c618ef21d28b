package av

/*
#include <libavutil/frame.h>
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// planeAlign is what the vector code of FFmpeg and x264 likes rows to start at, in bytes.
const planeAlign = 64

// Planes is a picture in planar 4:2:0 with 8 bits a sample, in the memory of a codec: valid until the frame is closed. Luma
// rows are Stride bytes apart, chroma rows ChromaStride; Width and Height are even.
type Planes struct {
	Y, Cb, Cr            []byte
	Stride, ChromaStride int
	Width, Height        int
}

// Frame is a reference to a picture, with its time. The picture may have other references, the decoder's among them: who
// has not made it only reads it. A frame has one owner, who closes it.
type Frame struct {
	f    *astiav.Frame
	home *Frames // where the header goes when the frame is closed; nil: nowhere
}

// NewFrame returns a frame of its own memory, for pictures that are made up rather than decoded.
func NewFrame(width, height int) (*Frame, error) {
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(astiav.PixelFormatYuv420P)
	if err := f.AllocBuffer(planeAlign); err != nil {
		f.Free()
		return nil, fmt.Errorf("allocate %dx%d frame: %w", width, height, err)
	}
	return &Frame{f: f}, nil
}

// Close gives up the reference, and the frame.
func (f *Frame) Close() {
	if f.home == nil {
		f.f.Free()
		return
	}
	f.f.Unref()
	f.home.put(f)
}

// Time is when the frame is shown, in units of the output's time base.
func (f *Frame) Time() int64 { return f.f.Pts() }

// SetTime sets when the frame is shown.
func (f *Frame) SetTime(t int64) { f.f.SetPts(t) }

// Duration is how long the frame is shown, in units of the output's time base.
func (f *Frame) Duration() int64 { return duration(f.f) }

// SetDuration sets how long the frame is shown.
func (f *Frame) SetDuration(d int64) { setDuration(f.f, d) }

// Planes returns the picture where it lies.
func (f *Frame) Planes() Planes {
	c := raw(f.f)
	height, stride, half := int(c.height), int(c.linesize[0]), int(c.linesize[1])
	plane := func(i, size int) []byte { return unsafe.Slice((*byte)(c.data[i]), size) }
	return Planes{
		Y: plane(0, stride*height), Cb: plane(1, half*height/2), Cr: plane(2, half*height/2),
		Stride: stride, ChromaStride: half, Width: int(c.width), Height: height,
	}
}

// planar says whether the planes of f are what Planes promises, and chroma rows half as far apart as those of luma.
func planar(f *astiav.Frame) bool {
	c := raw(f)
	format := f.PixelFormat()
	return (format == astiav.PixelFormatYuv420P || format == astiav.PixelFormatYuvj420P) &&
		c.width%2 == 0 && c.height%2 == 0 && c.linesize[0] > 0 && c.linesize[0]%2 == 0 &&
		c.linesize[1] == c.linesize[0]/2 && c.linesize[2] == c.linesize[0]/2
}

func raw(f *astiav.Frame) *C.AVFrame { return (*C.AVFrame)(f.UnsafePointer()) }

// bestTime is the time of a decoded frame, NoPtsValue when there is none to be had.
func bestTime(f *astiav.Frame) int64 { return int64(raw(f).best_effort_timestamp) }

// setDuration sets how long f is shown, in units of its time base.
func setDuration(f *astiav.Frame, d int64) { raw(f).duration = C.int64_t(d) }

func duration(f *astiav.Frame) int64 { return int64(raw(f).duration) }
