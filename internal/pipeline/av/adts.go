package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// newUnpacker returns the filter that takes AAC out of its ADTS frames (ISO/IEC 13818-7, 6.2), in which MPEG-TS carries
// it, and tells the muxer the parameters that MP4 wants in front; nil for audio that needs none. The muxer would do
// it by itself, but not when it writes fragments.
func newUnpacker(t track) (*astiav.BitStreamFilterContext, error) {
	if t.parameters.CodecID() != astiav.CodecIDAac || len(t.parameters.ExtraData()) > 0 {
		return nil, nil
	}
	f := astiav.FindBitStreamFilterByName("aac_adtstoasc")
	if f == nil {
		return nil, fmt.Errorf("find filter aac_adtstoasc: this FFmpeg has none; run native/ffmpeg.sh and build again")
	}
	c, err := astiav.AllocBitStreamFilterContext(f)
	if err != nil {
		return nil, fmt.Errorf("set up aac_adtstoasc: %w", err)
	}
	if err = t.parameters.Copy(c.InputCodecParameters()); err == nil {
		c.SetInputTimeBase(t.times.base)
		err = c.Initialize()
	}
	if err != nil {
		c.Free()
		return nil, fmt.Errorf("set up aac_adtstoasc: %w", err)
	}
	return c, nil
}

// unpack passes p through c, one packet in and one out.
func unpack(c *astiav.BitStreamFilterContext, p *astiav.Packet) error {
	if err := c.SendPacket(p); err != nil {
		return err
	}
	return c.ReceivePacket(p)
}
