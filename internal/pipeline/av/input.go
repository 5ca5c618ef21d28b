// Package av reads, decodes, encodes and writes video with FFmpeg. It is the only importer of go-astiav, and is linked
// into the video worker alone.
package av

import (
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
	if min(w, h) >= MinSide && max(w, h) <= MaxSide && w*h <= MaxPixels {
		return nil
	}
	return &Unsupported{stage, fmt.Sprintf("its size %dx%d is not supported; send sizes from 16x16 to 3840x2160, no side over %d", w, h, MaxSide)}
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
	source  *pipe
	format  *astiav.FormatContext
	video   *astiav.Stream
	audio   []*astiav.Stream
	tracks  tracks
	decoder *astiav.CodecContext
	width   int // of the frames that are given out: even
	height  int
	store   *Frames
	scaler  scaler
	packets chan *Packet // that are free
	clock   clock
	damaged damage
}

// Open finds out what r holds. An r that is also an io.Seeker is read where its index is; another is read once from
// front to back. Frames come out of the store. The error is *Unsupported when the input is at fault, or wraps what r
// returned.
func Open(r io.Reader, store *Frames) (*Input, error) {
	in := &Input{store: store, packets: make(chan *Packet, 64)}
	if err := in.open(r); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Input) open(r io.Reader) error {
	var err error
	if in.source, err = readFrom(r); err != nil {
		return err
	}
	if err := in.probe(); err != nil {
		return err
	}
	in.choose()
	if in.video == nil {
		return &Unsupported{"probe", "there is no video track in it; send a file with H.264 or H.265 video"}
	}
	return in.openDecoder()
}

// opusRate is the rate in which the times of every Opus stream count (RFC 7845, section 4).
const opusRate = 48000

// choose takes the first video track and every audio track.
func (in *Input) choose() {
	for _, s := range in.format.Streams() {
		track := ignored
		switch s.CodecParameters().MediaType() {
		case astiav.MediaTypeVideo:
			if in.video == nil {
				in.video, track = s, video
			}
		case astiav.MediaTypeAudio:
			track = undefined
			if s.CodecParameters().CodecID() == astiav.CodecIDOpus {
				s.CodecParameters().SetSampleRate(opusRate) // MPEG-TS does not say it
			}
			if s.CodecParameters().SampleRate() > 0 {
				in.audio = append(in.audio, s)
				track = len(in.audio) - 1
			}
		}
		if track == ignored {
			s.SetDiscard(astiav.DiscardAll)
		}
		in.tracks = append(in.tracks, track)
	}
}

func (in *Input) probe() error {
	in.format = astiav.AllocFormatContext()
	in.source.attach(in.format)
	options := dictionary(map[string]string{
		// Other formats of a system's FFmpeg, playlists above all, must not be reached from a stranger's bytes.
		"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,h264,hevc",
		"analyzeduration":  fmt.Sprint(probeTime.Microseconds()),
		"probesize":        fmt.Sprint(probeBytes),
	})
	defer options.Free()
	if err := in.format.OpenInput("", nil, options); err != nil {
		in.format = nil // freed by the failed call
		return in.explain(err, &Unsupported{"probe", "it is not a video that can be read; send MP4, Matroska, MPEG-TS, FLV or raw H.264 / H.265"})
	}
	if err := in.format.FindStreamInfo(nil); err != nil {
		return in.explain(err, &Unsupported{"probe", "its tracks cannot be read; send a file that ffprobe can read"})
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
	in.decoder.SetThreadCount(decoderThreads())
	options := dictionary(map[string]string{"max_pixels": fmt.Sprint(MaxPixels)})
	defer options.Free()
	if err := in.decoder.Open(codec, options); err != nil {
		return &Unsupported{"decode", fmt.Sprintf("its %s headers are broken (%v); send the file again", name, err)}
	}
	in.width, in.height = even(p.Width()), even(p.Height())
	in.scaler = scaler{store: in.store, width: in.width, height: in.height, shown: [2]int{p.Width(), p.Height()}}
	in.clock = newClock(in)
	return nil
}

// even is n, or one more: 4:2:0 halves both axes.
func even(n int) int { return n + n&1 }

// Duration is how long the video says it is; 0 when it does not.
func (in *Input) Duration() time.Duration {
	if d := in.format.Duration(); d > 0 && in.clock.timed {
		return time.Duration(d) * time.Microsecond
	}
	return 0
}

// Damaged is the number of packets that the decoder refused and that were left out.
func (in *Input) Damaged() int64 { return in.damaged.packets }

// Close frees everything but the reader and the store.
func (in *Input) Close() {
	in.scaler.close()
	if in.decoder != nil {
		in.decoder.Free()
	}
	if in.format != nil {
		in.format.CloseInput()
	}
	if in.source != nil {
		in.source.close()
	}
	for len(in.packets) > 0 {
		(<-in.packets).p.Free()
	}
}

func dictionary(options map[string]string) *astiav.Dictionary {
	d := astiav.NewDictionary()
	for k, v := range options {
		_ = d.Set(k, v, 0) // fails without memory only, and then so does the next call
	}
	return d
}
