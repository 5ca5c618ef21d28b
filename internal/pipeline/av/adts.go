package av

import (
	"fmt"
	"slices"

	"github.com/asticode/go-astiav"
)

// bare says that audio is AAC in ADTS frames (ISO/IEC 13818-7, 6.2), in which MPEG-TS carries it: its parameters lie in each
// packet, and are wanted in front by MP4.
func bare(p *astiav.CodecParameters) bool {
	return p.CodecID() == astiav.CodecIDAac && len(p.ExtraData()) == 0
}

// newUnpacker returns the filter that takes AAC out of its ADTS frames; nil for audio that needs none. The muxer would do
// it by itself, but not when it writes fragments.
func newUnpacker(t track, c Container) (*astiav.BitStreamFilterContext, error) {
	if c == MPEGTS || !bare(t.parameters) {
		return nil, nil
	}
	f := astiav.FindBitStreamFilterByName("aac_adtstoasc")
	if f == nil {
		return nil, fmt.Errorf("find filter aac_adtstoasc: this FFmpeg has none; run native/ffmpeg.sh and build again")
	}
	b, err := astiav.AllocBitStreamFilterContext(f)
	if err != nil {
		return nil, fmt.Errorf("set up aac_adtstoasc: %w", err)
	}
	if err = t.parameters.Copy(b.InputCodecParameters()); err == nil {
		b.SetInputTimeBase(t.times.base)
		err = b.Initialize()
	}
	if err != nil {
		b.Free()
		return nil, fmt.Errorf("set up aac_adtstoasc: %w", err)
	}
	return b, nil
}

// unpack passes p through c, one packet in and one out.
func unpack(c *astiav.BitStreamFilterContext, p *astiav.Packet) error {
	if err := c.SendPacket(p); err != nil {
		return err
	}
	return c.ReceivePacket(p)
}

// audioConfig is the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) of audio that comes in ADTS frames, for an index that is
// written before the first of them. ADTS names the core of HE-AAC only: low complexity, at half the rate.
func audioConfig(p *astiav.CodecParameters) []byte {
	rate, channels := p.SampleRate(), p.ChannelLayout().Channels()
	kind := max(int(p.Profile())+1, 1)
	switch p.Profile() {
	case astiav.ProfileAacHeV2:
		kind, rate, channels = 2, rate/2, 1
	case astiav.ProfileAacHe:
		kind, rate = 2, rate/2
	case astiav.ProfileUnknown:
		kind = 2
	}
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	index := max(slices.Index(rates, rate), 0)
	if channels == 8 {
		channels = 7 // the number of the layout
	}
	bits := kind<<11 | index<<7 | channels<<3
	return []byte{byte(bits >> 8), byte(bits)}
}
