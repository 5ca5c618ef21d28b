package av

import (
	"fmt"
	"math"
	"strconv"

	"github.com/asticode/go-astiav"
)

// Encoding says how pictures are compressed. The zero value is H.264 with the defaults below.
type Encoding struct {
	Codec  string // H264 or H265
	Preset string // of libx264 or libx265
	CRF    int    // constant quality, 1 (best) to 51; 0 is the default of the codec
}

// The codecs of an output.
const (
	H264 = "h264"
	H265 = "h265"
)

// The defaults. superfast without B-frames and without looking ahead gives every frame back at once, so that nothing waits
// in the worker; crf 21 keeps what a filter left, and crf 25 of H.265 is about the same picture.
const (
	defaultPreset  = "superfast"
	defaultCRF     = 21
	defaultCRFH265 = 25
	keySeconds     = 2
)

func (e Encoding) withDefaults() Encoding {
	if e.Codec == "" {
		e.Codec = H264
	}
	if e.Preset == "" {
		e.Preset = defaultPreset
	}
	if e.CRF == 0 {
		e.CRF = defaultCRF
		if e.Codec == H265 {
			e.CRF = defaultCRFH265
		}
	}
	return e
}

// library returns the encoder's name and its options.
func (e Encoding) library() (string, map[string]string, error) {
	options := map[string]string{"preset": e.Preset, "crf": strconv.Itoa(e.CRF)}
	switch e.Codec {
	case H264:
		return "libx264", options, nil
	case H265:
		options["tune"] = "zerolatency"
		options["x265-params"] = fmt.Sprintf("log-level=none:bframes=0:frame-threads=1:pools=%d", encoderThreads())
		return "libx265", options, nil
	}
	return "", nil, fmt.Errorf("open encoder: codec %q is not known; use %s or %s", e.Codec, H264, H265)
}

// newEncoder returns an open encoder for f.
func newEncoder(f Format) (*astiav.CodecContext, error) {
	name, settings, err := f.Encoding.withDefaults().library()
	if err != nil {
		return nil, err
	}
	codec := astiav.FindEncoderByName(name)
	if codec == nil {
		return nil, fmt.Errorf("find encoder %s: this FFmpeg has none; run native/ffmpeg.sh and build again", name)
	}
	c := astiav.AllocCodecContext(codec)
	c.SetWidth(f.Width)
	c.SetHeight(f.Height)
	c.SetPixelFormat(astiav.PixelFormatYuv420P)
	c.SetTimeBase(f.base)
	c.SetFramerate(f.rate)
	c.SetGopSize(max(int(math.Round(keySeconds*f.rate.Float64())), 1))
	c.SetMaxBFrames(0)
	c.SetThreadCount(encoderThreads())
	if f.Container != MPEGTS { // there the parameters are repeated with each key frame
		c.SetFlags(c.Flags().Add(astiav.CodecContextFlagGlobalHeader))
	}
	if f.pixel.Num() > 0 {
		c.SetSampleAspectRatio(f.pixel)
	}
	if f.shape != nil {
		setColours(c, f.shape)
	}
	options := dictionary(settings)
	defer options.Free()
	if err := c.Open(codec, options); err != nil {
		c.Free()
		return nil, fmt.Errorf("open encoder %s for %dx%d: %w", name, f.Width, f.Height, err)
	}
	return c, nil
}

// setColours makes the output's colours those of the input. What was coded as RGB has become YCbCr with the matrix that
// swscale takes where none is named, that of BT.601.
func setColours(c *astiav.CodecContext, p *astiav.CodecParameters) {
	c.SetColorRange(p.ColorRange())
	c.SetColorSpace(p.ColorSpace())
	c.SetColorPrimaries(p.ColorPrimaries())
	c.SetColorTransferCharacteristic(p.ColorTransferCharacteristic())
	if p.ColorSpace() == astiav.ColorSpaceRgb {
		c.SetColorSpace(astiav.ColorSpaceSmpte170M)
		c.SetColorRange(astiav.ColorRangeMpeg)
	}
}
