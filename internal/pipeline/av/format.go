package av

import (
	"fmt"
	"math"
	"slices"

	"github.com/asticode/go-astiav"
)

// Container is how the output is packed.
type Container string

// The containers of an output. MPEG-TS and fragments are written as they are made; MP4 with one index in front needs all
// of the video first, and a file to keep it in.
const (
	FragmentedMP4 Container = "fmp4"
	MP4           Container = "mp4"
	MPEGTS        Container = "ts"
)

// Format is what an Output is opened for: the picture, its clock, and the audio tracks that are carried along.
type Format struct {
	Width, Height int // even
	Container     Container
	Encoding      Encoding

	right, bottom int // columns and rows of an even picture that are not to be shown

	base astiav.Rational
	// tooFine says that the unit of times cannot be divided as wanted.
	tooFine bool

	rate  astiav.Rational
	pixel astiav.Rational         // width to height of a pixel; 0 for unknown
	shape *astiav.CodecParameters // colours and rotation are taken over; may be nil
	audio []track
}

// track is an audio track whose packets are copied.
type track struct {
	parameters *astiav.CodecParameters
	times      timeline
	start      int64 // where it begins, as far as the input says; in units of the track
}

// MadeUp is the format of frames that come from NewFrame, rate of them a second: their time is their number.
func MadeUp(width, height, rate int) Format {
	return Format{Width: width, Height: height, base: astiav.NewRational(1, rate), rate: astiav.NewRational(rate, 1)}
}

// Format returns the format of the decoded video with its audio. The error is *Unsupported when an audio track cannot be
// carried.
func (in *Input) Format() (Format, error) {
	p := in.video.CodecParameters()
	f := Format{
		Width: in.width, Height: in.height, right: in.width - p.Width(), bottom: in.height - p.Height(),
		base: in.clock.base, rate: in.rate(), pixel: in.format.GuessSampleAspectRatio(in.video, nil), shape: p,
	}
	for _, s := range in.audio {
		id := s.CodecParameters().CodecID()
		if !slices.Contains(carried(FragmentedMP4), id) {
			return f, &Unsupported{"mux", fmt.Sprintf("its audio codec %s cannot be carried; send AAC", id.Name())}
		}
		t := track{parameters: s.CodecParameters(), times: newTimeline(in, s.TimeBase(), packetLength(s))}
		if start := s.StartTime(); start != astiav.NoPtsValue {
			t.start = start - t.times.shift
		}
		f.audio = append(f.audio, t)
	}
	return f, nil
}

// Faster is the format for n frames in the place of one.
func (f Format) Faster(n int64) Format {
	num, den := f.rate.Num(), f.rate.Den()
	for num > math.MaxInt32/int(n) { // the nominal rate is at most 1000, and so is den large
		num, den = num/2, max(den/2, 1)
	}
	f.rate = astiav.NewRational(num*int(n), den)
	if f.tooFine = f.base.Den() > math.MaxInt32/int(n); !f.tooFine {
		f.base = astiav.NewRational(f.base.Num(), f.base.Den()*int(n))
	}
	return f
}

// carried are the audio codecs that a container has a registered entry for and players know.
func carried(c Container) []astiav.CodecID {
	all := []astiav.CodecID{
		astiav.CodecIDAac, astiav.CodecIDMp3, astiav.CodecIDMp2, astiav.CodecIDAc3, astiav.CodecIDEac3, astiav.CodecIDOpus,
		astiav.CodecIDFlac, astiav.CodecIDAlac,
	}
	if c == MPEGTS {
		return all[:6]
	}
	return all
}

// check refuses what the container cannot hold.
func (f Format) check() error {
	if f.Width%2 != 0 || f.Height%2 != 0 {
		return fmt.Errorf("open output of %dx%d: sizes must be even", f.Width, f.Height)
	}
	if err := checkSize("encode", f.Width, f.Height); err != nil {
		return err
	}
	if f.tooFine {
		return &Unsupported{"mux", fmt.Sprintf("its clock counts %d a second, too fine to be divided; send it with one of 90000", f.base.Den())}
	}
	for _, t := range f.audio {
		if id := t.parameters.CodecID(); !slices.Contains(carried(f.Container), id) {
			return &Unsupported{"mux", fmt.Sprintf("its audio codec %s cannot be carried in MPEG-TS; ask for MP4 or send AAC", id.Name())}
		}
	}
	if f.Container == MPEGTS && f.turned() {
		return &Unsupported{"mux", "it is turned, which MPEG-TS cannot say; ask for MP4 or send it upright"}
	}
	return nil
}

// turned says that players turn or mirror the picture.
func (f Format) turned() bool {
	if f.shape == nil {
		return false
	}
	m, ok := f.shape.SideData().DisplayMatrix().Get()
	return ok && *m != upright
}

// upright is the matrix of a picture that is shown as it lies (ISO/IEC 14496-12, 8.3.2).
var upright = astiav.DisplayMatrix{1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30}

// packetLength is how long a packet of an audio track lasts, in units of the track: 1024 samples, where the codec has no
// fixed number.
func packetLength(s *astiav.Stream) int64 {
	samples := s.CodecParameters().FrameSize()
	if samples <= 0 {
		samples = 1024
	}
	return astiav.RescaleQ(int64(samples), astiav.NewRational(1, s.CodecParameters().SampleRate()), s.TimeBase())
}
