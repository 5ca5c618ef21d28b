package av

/*
#cgo pkg-config: libavutil
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

// Planes is a picture in planar 4:2:0 with 8 bits a sample, in the memory of a codec: valid until the frame is. Luma
// rows are Stride bytes apart, chroma rows Stride/2; Width, Height and Stride are even.
type Planes struct {
	Y, Cb, Cr             []byte
	Stride, Width, Height int
}

// Frame is a picture with its time. A decoded one may be a reference of the decoder: it is only read.
type Frame struct {
	f *astiav.Frame
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

// Close frees the frame.
func (f *Frame) Close() { f.f.Free() }

// SetTime sets the time of the frame, in units of the output's time base.
func (f *Frame) SetTime(pts int64) { f.f.SetPts(pts) }

// Planes returns the picture where it lies.
func (f *Frame) Planes() Planes {
	c := raw(f.f)
	height, stride := int(c.height), int(c.linesize[0])
	plane := func(i, size int) []byte { return unsafe.Slice((*byte)(c.data[i]), size) }
	return Planes{
		Y: plane(0, stride*height), Cb: plane(1, stride*height/4), Cr: plane(2, stride*height/4),
		Stride: stride, Width: int(c.width), Height: height,
	}
}

// plane0 is the first plane alone, for frames that have no other.
func (f *Frame) plane0() []byte {
	c := raw(f.f)
	return unsafe.Slice((*byte)(c.data[0]), int(c.linesize[0])*int(c.height))
}

// planar says whether the planes of f are what Planes promises.
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

// replaceLuma makes f show another luma plane, of rows stride bytes apart. The frame does not own it.
func replaceLuma(f *astiav.Frame, luma *byte, stride int) {
	c := raw(f)
	c.data[0] = (*C.uint8_t)(luma)
	c.linesize[0] = C.int(stride)
}

// setDuration sets how long f is shown, in units of its time base.
func setDuration(f *astiav.Frame, d int64) { raw(f).duration = C.int64_t(d) }

func duration(f *astiav.Frame) int64 { return int64(raw(f).duration) }
