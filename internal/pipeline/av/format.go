package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// Format is what an Output is opened for: the picture, its clock, and the audio tracks that are carried along.
type Format struct {
	Width, Height int

	base  astiav.Rational
	rate  astiav.Rational
	shape *astiav.CodecParameters // colours, pixel shape and rotation are taken over; may be nil
	audio []track
}

// track is an audio track whose packets are copied.
type track struct {
	parameters *astiav.CodecParameters
	times      timeline
}

// carried are the audio codecs that MP4 has a registered sample entry for and players know.
func carried(id astiav.CodecID) bool {
	switch id {
	case astiav.CodecIDAac, astiav.CodecIDMp3, astiav.CodecIDMp2, astiav.CodecIDAc3, astiav.CodecIDEac3,
		astiav.CodecIDOpus, astiav.CodecIDFlac, astiav.CodecIDAlac:
		return true
	}
	return false
}

// MadeUp is the format of frames that come from NewFrame, rate of them a second: their time is their number.
func MadeUp(width, height, rate int) Format {
	return Format{Width: width, Height: height, base: astiav.NewRational(1, rate), rate: astiav.NewRational(rate, 1)}
}

// Format returns the format of the decoded video with its audio. The error is *Unsupported when MP4 cannot hold an audio
// track.
func (in *Input) Format() (Format, error) {
	p := in.video.CodecParameters()
	f := Format{Width: p.Width(), Height: p.Height(), base: in.clock.base, rate: in.rate(), shape: p}
	for _, s := range in.audio {
		id := s.CodecParameters().CodecID()
		if !carried(id) {
			return f, &Unsupported{"mux", fmt.Sprintf("its audio codec %s cannot be carried in MP4; send AAC", id.Name())}
		}
		f.audio = append(f.audio, track{parameters: s.CodecParameters(), times: newTimeline(in, s.TimeBase(), packetLength(s))})
	}
	return f, nil
}

// packetLength is how long a packet of an audio track lasts, in units of the track: 1024 samples, where the codec has no
// fixed number.
func packetLength(s *astiav.Stream) int64 {
	samples := s.CodecParameters().FrameSize()
	if samples <= 0 {
		samples = 1024
	}
	return astiav.RescaleQ(int64(samples), astiav.NewRational(1, s.CodecParameters().SampleRate()), s.TimeBase())
}
