// Package av reads, decodes, encodes and writes video with FFmpeg. It is the only importer of go-astiav, and is linked
// into the video worker alone.
package av

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asticode/go-astiav"
)

// MaxPixels bounds a picture: what 3840x2160 has, for which decoder, model and encoder need 0.8 GB together.
const MaxPixels = 3840 * 2160

// MinSide and MaxSide bound both sides of a picture: the encoder takes none over 16384, and no camera makes one over 4096.
const (
	MinSide = 16
	MaxSide = 4096
)

// checkSize refuses pictures that the pipeline cannot take. A damaged stream can change its size after it was probed.
func checkSize(stage string, w, h int) error {
	if w%2 == 0 && h%2 == 0 && min(w, h) >= MinSide && max(w, h) <= MaxSide && w*h <= MaxPixels {
		return nil
	}
	return &Unsupported{stage, fmt.Sprintf("its size %dx%d is not supported; send even sizes from 16x16 to 3840x2160, no side over %d", w, h, MaxSide)}
}

// A stream is examined until the parameters of its tracks are known, and for so long at most: 20 frames and the first
// audio packets, of which MPEG-TS puts a third of a second into one unit.
const (
	probeTime  = 5 * time.Second
	probeBytes = 4 << 20
)

// Quiet leaves FFmpeg only the word about what is fatal to the process: what is wrong with a video becomes an error.
func Quiet() { astiav.SetLogLevel(astiav.LogLevelFatal) }

// Unsupported says that the input is at fault. Stage is probe, demux, decode or mux; Reason ends with what to do.
type Unsupported struct {
	Stage, Reason string
}

func (e *Unsupported) Error() string { return e.Stage + ": " + e.Reason }

// Input demuxes one video and decodes its first video track.
type Input struct {
	source  *source
	io      *astiav.IOContext
	format  *astiav.FormatContext
	video   *astiav.Stream
	audio   []*astiav.Stream
	decoder *astiav.CodecContext
	scaler  *scaler
	packet  *astiav.Packet
	frame   *astiav.Frame
	clock   clock
	damaged damage
}

// Open finds out what r holds. An r that is also an io.Seeker is read where its index is; another is read once from
// front to back. The error is *Unsupported when the input is at fault, or wraps what r returned.
func Open(r io.Reader) (*Input, error) {
	in := &Input{source: &source{r: r}, packet: astiav.AllocPacket(), frame: astiav.AllocFrame()}
	if err := in.open(); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Input) open() error {
	var err error
	if in.io, err = in.source.context(); err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	if err := in.probe(); err != nil {
		return err
	}
	for _, s := range in.format.Streams() {
		switch s.CodecParameters().MediaType() {
		case astiav.MediaTypeVideo:
			if in.video == nil {
				in.video = s
				continue
			}
		case astiav.MediaTypeAudio:
			if s.CodecParameters().SampleRate() > 0 { // else announced, but nothing of it was seen
				in.audio = append(in.audio, s)
				continue
			}
		}
		s.SetDiscard(astiav.DiscardAll)
	}
	if in.video == nil {
		return &Unsupported{"probe", "there is no video track in it; send a file with H.264 or H.265 video"}
	}
	return in.openDecoder()
}

func (in *Input) probe() error {
	in.format = astiav.AllocFormatContext()
	in.format.SetPb(in.io)
	options := dictionary(map[string]string{
		// Other formats of a system's FFmpeg, playlists above all, must not be reached from a stranger's bytes.
		"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,mpegts,flv,h264,hevc",
		"analyzeduration":  fmt.Sprint(probeTime.Microseconds()),
		"probesize":        fmt.Sprint(probeBytes),
	})
	defer options.Free()
	if err := in.format.OpenInput("", nil, options); err != nil {
		in.format = nil // freed by the failed call
		return in.source.explain(err, &Unsupported{"probe", "it is not a video that can be read; send MP4, MPEG-TS, FLV or raw H.264 / H.265"})
	}
	if err := in.format.FindStreamInfo(nil); err != nil {
		return in.source.explain(err, &Unsupported{"probe", "its tracks cannot be read; send a file that ffprobe can read"})
	}
	return nil
}

func (in *Input) openDecoder() error {
	p := in.video.CodecParameters()
	name := p.CodecID().Name()
	codec := astiav.FindDecoder(p.CodecID())
	if codec == nil || (p.CodecID() != astiav.CodecIDH264 && p.CodecID() != astiav.CodecIDHevc) {
		return &Unsupported{"probe", fmt.Sprintf("its video codec %s is not supported; send H.264 or H.265", name)}
	}
	if p.Width() == 0 || p.Height() == 0 {
		return &Unsupported{"probe", "no picture could be found in its video track; send a video that starts with a key frame"}
	}
	if err := checkSize("probe", p.Width(), p.Height()); err != nil {
		return err
	}
	in.decoder = astiav.AllocCodecContext(codec)
	if err := p.ToCodecContext(in.decoder); err != nil {
		return fmt.Errorf("set up %s decoder: %w", name, err)
	}
	in.decoder.SetThreadCount(1)
	options := dictionary(map[string]string{"max_pixels": fmt.Sprint(MaxPixels)})
	defer options.Free()
	if err := in.decoder.Open(codec, options); err != nil {
		return &Unsupported{"decode", fmt.Sprintf("its %s headers are broken (%v); send the file again", name, err)}
	}
	in.clock = newClock(in)
	return nil
}

// Duration is how long the video says it is; 0 when it does not.
func (in *Input) Duration() time.Duration {
	if d := in.format.Duration(); d > 0 && in.clock.timed {
		return time.Duration(d) * time.Microsecond
	}
	return 0
}

// Damaged is the number of packets that the decoder refused and that were left out.
func (in *Input) Damaged() int64 { return in.damaged.packets }

// Close frees everything but the reader.
func (in *Input) Close() {
	if in.scaler != nil {
		in.scaler.close()
	}
	if in.decoder != nil {
		in.decoder.Free()
	}
	if in.format != nil {
		in.format.CloseInput()
	}
	if in.io != nil {
		in.io.Free()
	}
	in.frame.Free()
	in.packet.Free()
}

func dictionary(options map[string]string) *astiav.Dictionary {
	d := astiav.NewDictionary()
	for k, v := range options {
		_ = d.Set(k, v, 0) // fails without memory only, and then so does the next call
	}
	return d
}

// isEnd says that FFmpeg has no more for now, or at all.
func isEnd(err error) bool {
	return errors.Is(err, astiav.ErrEof) || errors.Is(err, astiav.ErrEagain)
}
