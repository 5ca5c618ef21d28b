package av

import (
	"fmt"
	"io"
	"time"

	"github.com/asticode/go-astiav"
)

// Output encodes frames and writes them with copied audio.
type Output struct {
	format  Format
	sink    *pipe
	encoder *astiav.CodecContext
	muxer   *muxer
	packet  *astiav.Packet
	copied  *astiav.Packet
	at      int64                            // the time of the newest frame
	last    int64                            // its duration
	unpack  []*astiav.BitStreamFilterContext // by audio track, nil where nothing is to be done

	damaged damage // of the audio

	// Frames and AudioPackets count what was given to the muxer.
	Frames, AudioPackets int64
}

// NewOutput opens an output for f that writes to w, which must be an io.Seeker for MP4. It gets whole fragments of
// fragmented MP4, and whole packets of MPEG-TS.
func NewOutput(w io.Writer, f Format) (*Output, error) {
	if f.Container == "" {
		f.Container = FragmentedMP4
	}
	o := &Output{format: f, packet: astiav.AllocPacket(), copied: astiav.AllocPacket()}
	if err := o.open(w); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Output) open(w io.Writer) error {
	if err := o.format.check(); err != nil {
		return err
	}
	var err error
	if o.encoder, err = newEncoder(o.format); err != nil {
		return err
	}
	if o.sink, err = writeTo(w); err != nil {
		return err
	}
	for _, t := range o.format.audio {
		c, err := newUnpacker(t, o.format.Container)
		if err != nil {
			return err
		}
		o.unpack = append(o.unpack, c)
	}
	o.muxer, err = newMuxer(o.sink, o.format, o.encoder)
	return err
}

// WriteVideo encodes f at its time. It neither keeps nor closes it: libx264 and libx265 take the picture over into their
// own memory before SendFrame returns.
func (o *Output) WriteVideo(f *Frame) error {
	f.f.SetPictureType(astiav.PictureTypeNone) // the encoder chooses its own
	o.at, o.last = f.Time(), f.Duration()
	if r := sendFrame(o.encoder, f.f); r < 0 {
		return fmt.Errorf("encode frame: %w", r.err())
	}
	return o.packets()
}

// packets gives what the encoder has ready to the muxer.
func (o *Output) packets() error {
	for {
		r := receivePacket(o.encoder, o.packet)
		if r.ended() {
			return nil
		}
		if r < 0 {
			return fmt.Errorf("encode frame: %w", r.err())
		}
		if o.packet.Duration() <= 0 {
			o.packet.SetDuration(o.last)
		}
		o.Frames++
		if err := o.muxer.video(o.packet); err != nil {
			return err
		}
	}
}

// WriteAudio copies an audio packet. One that is corrupt is left out; too many of them are *Unsupported.
func (o *Output) WriteAudio(p *Packet) error {
	t := &o.format.audio[p.audio].times
	if err := o.copied.Ref(p.p); err != nil {
		return fmt.Errorf("copy audio packet: %w", err)
	}
	defer o.copied.Unref()
	if c := o.unpack[p.audio]; c != nil {
		if err := unpack(c, o.copied); err != nil {
			return o.damaged.refuse(err)
		}
		o.damaged.accept()
	}
	o.copied.SetPos(-1)
	stampCopy(o.copied, t)
	o.AudioPackets++
	return o.muxer.audio(p.audio, o.copied)
}

// Finish writes what the encoder and the muxer still hold.
func (o *Output) Finish() error {
	if r := sendFrame(o.encoder, nil); r < 0 && !r.ended() {
		return fmt.Errorf("drain encoder: %w", r.err())
	}
	if err := o.packets(); err != nil {
		return err
	}
	return o.muxer.finish()
}

// Position is the time of the newest frame.
func (o *Output) Position() time.Duration {
	return time.Duration(astiav.RescaleQ(o.at, o.format.base, astiav.NewRational(1, int(time.Second))))
}

// Written is the number of bytes that w has taken.
func (o *Output) Written() int64 { return o.sink.moved }

// Close frees everything but the writer.
func (o *Output) Close() {
	for _, c := range o.unpack {
		if c != nil {
			c.Free()
		}
	}
	if o.encoder != nil {
		o.encoder.Free()
	}
	if o.muxer != nil {
		o.muxer.close()
	}
	if o.sink != nil {
		o.sink.close()
	}
	o.packet.Free()
	o.copied.Free()
}
