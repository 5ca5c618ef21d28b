package av

import (
	"fmt"
	"math"

	"github.com/asticode/go-astiav"
)

// The encoder's settings. superfast without B-frames gives every frame back at once, so that nothing waits in the
// worker; crf 21 keeps what the filter left.
const (
	preset     = "superfast"
	crf        = "21"
	keySeconds = 2
)

// newEncoder returns an open libx264 encoder for f, on one thread: a node runs as many workers as it has work.
func newEncoder(f Format) (*astiav.CodecContext, error) {
	if err := checkSize("encode", f.Width, f.Height); err != nil {
		return nil, err
	}
	codec := astiav.FindEncoderByName("libx264")
	if codec == nil {
		return nil, fmt.Errorf("find encoder libx264: this FFmpeg has none; run native/ffmpeg.sh and build again")
	}
	c := astiav.AllocCodecContext(codec)
	c.SetWidth(f.Width)
	c.SetHeight(f.Height)
	c.SetPixelFormat(astiav.PixelFormatYuv420P)
	c.SetTimeBase(f.base)
	c.SetFramerate(f.rate)
	c.SetGopSize(max(int(math.Round(keySeconds*f.rate.Float64())), 1))
	c.SetMaxBFrames(0)
	c.SetThreadCount(1)
	c.SetFlags(c.Flags().Add(astiav.CodecContextFlagGlobalHeader))
	if f.shape != nil {
		c.SetSampleAspectRatio(f.shape.SampleAspectRatio())
		c.SetColorRange(f.shape.ColorRange())
		c.SetColorSpace(f.shape.ColorSpace())
		c.SetColorPrimaries(f.shape.ColorPrimaries())
		c.SetColorTransferCharacteristic(f.shape.ColorTransferCharacteristic())
	}
	options := dictionary(map[string]string{"preset": preset, "crf": crf})
	defer options.Free()
	if err := c.Open(codec, options); err != nil {
		c.Free()
		return nil, fmt.Errorf("open encoder for %dx%d: %w", f.Width, f.Height, err)
	}
	return c, nil
}
