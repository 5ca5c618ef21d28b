package av

/*
#cgo pkg-config: libavformat libavcodec libavutil
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

static int is_end(int ret) { return ret == AVERROR_EOF || ret == AVERROR(EAGAIN); }
*/
import "C"

import (
	"unsafe"

	"github.com/asticode/go-astiav"
)

// The calls that are made for each packet and frame. go-astiav turns what FFmpeg returns into an error value, which for
// "nothing more for now" too is an allocation: a dozen a frame.

// pointer returns what an object of go-astiav wraps: its only or first field.
func pointer[C, A any](a *A) *C { return *(**C)(unsafe.Pointer(a)) }

func formatOf(f *astiav.FormatContext) *C.AVFormatContext { return pointer[C.AVFormatContext](f) }

func codecOf(c *astiav.CodecContext) *C.AVCodecContext {
	return (*C.AVCodecContext)(c.UnsafePointer())
}

func packetOf(p *astiav.Packet) *C.AVPacket { return pointer[C.AVPacket](p) }

func parametersOf(p *astiav.CodecParameters) *C.AVCodecParameters {
	return pointer[C.AVCodecParameters](p)
}

func streamOf(s *astiav.Stream) *C.AVStream { return pointer[C.AVStream](s) }

// result is what a call returned. The zero value is success.
type result C.int

const ok result = 0

// ended says that there is no more until more is put in, or at all.
func (r result) ended() bool { return r < 0 && C.is_end(C.int(r)) != 0 }

// err is r as an error; nil for success.
func (r result) err() error {
	if r >= 0 {
		return nil
	}
	return astiav.Error(r)
}

func readPacket(f *astiav.FormatContext, p *astiav.Packet) result {
	return result(C.av_read_frame(formatOf(f), packetOf(p)))
}

// sendPacket gives the decoder p, or tells it the end where p is nil.
func sendPacket(c *astiav.CodecContext, p *astiav.Packet) result {
	var packet *C.AVPacket
	if p != nil {
		packet = packetOf(p)
	}
	return result(C.avcodec_send_packet(codecOf(c), packet))
}

func receiveFrame(c *astiav.CodecContext, f *astiav.Frame) result {
	return result(C.avcodec_receive_frame(codecOf(c), (*C.AVFrame)(f.UnsafePointer())))
}

// sendFrame gives the encoder f, or tells it the end where f is nil.
func sendFrame(c *astiav.CodecContext, f *astiav.Frame) result {
	var frame *C.AVFrame
	if f != nil {
		frame = (*C.AVFrame)(f.UnsafePointer())
	}
	return result(C.avcodec_send_frame(codecOf(c), frame))
}

func receivePacket(c *astiav.CodecContext, p *astiav.Packet) result {
	return result(C.avcodec_receive_packet(codecOf(c), packetOf(p)))
}

// writePacket gives p to the muxer at once, or tells it to end its fragment where p is nil.
func writePacket(f *astiav.FormatContext, p *astiav.Packet) result {
	var packet *C.AVPacket
	if p != nil {
		packet = packetOf(p)
	}
	return result(C.av_write_frame(formatOf(f), packet))
}

// rescale brings p's times from one unit to another. go-astiav's own allocates nothing either.
func rescale(p *astiav.Packet, from, to astiav.Rational) {
	if from != to {
		p.RescaleTs(from, to)
	}
}

// timeBase is the unit of a muxer's track; it may differ from what was asked for.
func timeBase(f *astiav.FormatContext, track int) astiav.Rational {
	return f.Streams()[track].TimeBase()
}

// setTag sets the four letters that name the codec in the container; 0 lets the muxer choose.
func setTag(p *astiav.CodecParameters, tag string) {
	parametersOf(p).codec_tag = C.uint(tag[0]) | C.uint(tag[1])<<8 | C.uint(tag[2])<<16 | C.uint(tag[3])<<24
}

// setCrop says that so many columns on the right and rows at the bottom are not to be shown.
func setCrop(p *astiav.CodecParameters, right, bottom int) bool {
	c := parametersOf(p)
	d := C.av_packet_side_data_new(&c.coded_side_data, &c.nb_coded_side_data, C.AV_PKT_DATA_FRAME_CROPPING, 16, 0)
	if d == nil {
		return false
	}
	crop := unsafe.Slice((*uint32)(unsafe.Pointer(d.data)), 4) // top, bottom, left, right
	crop[0], crop[1], crop[2], crop[3] = 0, uint32(bottom), 0, uint32(right)
	return true
}

// setOption sets an option of the muxer while it runs.
func setOption(f *astiav.FormatContext, name, value string) result {
	n, v := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(v))
	return result(C.av_opt_set(unsafe.Pointer(formatOf(f)), n, v, C.AV_OPT_SEARCH_CHILDREN))
}
