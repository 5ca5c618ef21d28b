package av

import (
	"fmt"
	"io"

	"github.com/asticode/go-astiav"
)

// fragment is how much video a fragment of the output holds, in microseconds: the receiver is that far behind.
const fragment = "500000"

// Output encodes frames as H.264 and writes them with copied audio as fragmented MP4 (ISO/IEC 14496-12, 8.8), which
// needs no seeking and can be played while it is written.
type Output struct {
	w        io.Writer
	writeErr error
	written  int64

	format  Format
	encoder *astiav.CodecContext
	muxer   *astiav.FormatContext
	io      *astiav.IOContext
	shown   *astiav.Frame // the frame being encoded: chroma of the source, luma of ours
	luma    *astiav.Frame
	packet  *astiav.Packet
	copied  *astiav.Packet
	lastDTS []int64                          // by track of the output
	unpack  []*astiav.BitStreamFilterContext // by audio track, nil where nothing is to be done

	damaged damage // of the audio

	// Frames and AudioPackets count what was given to the muxer.
	Frames, AudioPackets int64
}

// NewOutput opens an output for f that writes to w. w gets whole fragments, half a second each.
func NewOutput(w io.Writer, f Format) (*Output, error) {
	o := &Output{
		w: w, format: f,
		shown: astiav.AllocFrame(), packet: astiav.AllocPacket(), copied: astiav.AllocPacket(),
		lastDTS: make([]int64, 1+len(f.audio)),
	}
	for i := range o.lastDTS {
		o.lastDTS[i] = astiav.NoPtsValue
	}
	if err := o.open(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Output) open() error {
	var err error
	if o.luma, err = newLuma(o.format.Width, o.format.Height); err != nil {
		return err
	}
	if o.encoder, err = newEncoder(o.format); err != nil {
		return err
	}
	if o.muxer, err = astiav.AllocOutputFormatContext(nil, "mp4", ""); err != nil {
		return fmt.Errorf("open mp4 output: %w", err)
	}
	if o.io, err = astiav.AllocIOContext(ioBuffer, true, nil, nil, o.write); err != nil {
		return fmt.Errorf("open mp4 output: %w", err)
	}
	o.muxer.SetPb(o.io)
	o.muxer.SetFlags(o.muxer.Flags().Add(astiav.FormatContextFlagFlushPackets))
	if err := o.addTracks(); err != nil {
		return err
	}
	// delay_moov writes the header with the first fragment: only then are the audio's parameters known (ADTS) and the
	// edit lists right.
	options := dictionary(map[string]string{
		"movflags":      "frag_keyframe+delay_moov+default_base_moof",
		"frag_duration": fragment,
	})
	defer options.Free()
	return o.explain("write mp4 header", o.muxer.WriteHeader(options))
}

func newLuma(width, height int) (*astiav.Frame, error) {
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(astiav.PixelFormatGray8)
	if err := f.AllocBuffer(1); err != nil { // rows without padding, as the model writes them
		f.Free()
		return nil, fmt.Errorf("allocate %dx%d luma: %w", width, height, err)
	}
	return f, nil
}

func (o *Output) addTracks() error {
	video := o.muxer.NewStream(nil)
	if err := video.CodecParameters().FromCodecContext(o.encoder); err != nil {
		return fmt.Errorf("add video track: %w", err)
	}
	video.SetTimeBase(o.encoder.TimeBase())
	video.SetAvgFrameRate(o.format.rate)
	if o.format.shape != nil {
		if m, ok := o.format.shape.SideData().DisplayMatrix().Get(); ok { // a telephone held upright
			if err := video.CodecParameters().SideData().DisplayMatrix().Add(m); err != nil {
				return fmt.Errorf("add rotation: %w", err)
			}
		}
	}
	for _, t := range o.format.audio {
		s := o.muxer.NewStream(nil)
		if err := t.parameters.Copy(s.CodecParameters()); err != nil {
			return fmt.Errorf("add audio track: %w", err)
		}
		s.CodecParameters().SetCodecTag(0) // the number of another container
		s.SetTimeBase(t.times.base)
		c, err := newUnpacker(t)
		if err != nil {
			return err
		}
		o.unpack = append(o.unpack, c)
	}
	return nil
}

// Luma is the plane that WriteVideo shows: Width x Height bytes without padding, in memory of the output.
func (o *Output) Luma() []byte {
	return (&Frame{f: o.luma}).plane0()
}

// WriteVideo encodes a frame with the chroma of f and the luma of Luma, at the time of f. Neither f nor its picture is
// changed.
func (o *Output) WriteVideo(f *Frame) error {
	o.shown.Unref()
	if err := o.shown.Ref(f.f); err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	// libx264 copies the picture before SendFrame returns, so the next frame may use the same luma plane.
	replaceLuma(o.shown, &o.Luma()[0], o.format.Width)
	o.shown.SetPixelFormat(astiav.PixelFormatYuv420P) // for yuvj420p: its range is in the encoder's parameters
	o.shown.SetPictureType(astiav.PictureTypeNone)    // the encoder chooses its own
	if err := o.encoder.SendFrame(o.shown); err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	return o.packets()
}

// packets gives what the encoder has ready to the muxer.
func (o *Output) packets() error {
	for {
		err := o.encoder.ReceivePacket(o.packet)
		if isEnd(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("encode frame: %w", err)
		}
		o.packet.SetStreamIndex(0)
		o.Frames++
		if err := o.mux(o.packet, o.encoder.TimeBase()); err != nil {
			return err
		}
	}
}

// WriteAudio copies an audio packet. One that is corrupt is left out; too many of them are *Unsupported.
func (o *Output) WriteAudio(p Packet) error {
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
	o.copied.SetStreamIndex(1 + p.audio)
	o.copied.SetPos(-1)
	stampCopy(o.copied, t)
	o.AudioPackets++
	return o.mux(o.copied, t.base)
}

// Finish writes what the encoder and the muxer still hold.
func (o *Output) Finish() error {
	if err := o.encoder.SendFrame(nil); err != nil && !isEnd(err) {
		return fmt.Errorf("drain encoder: %w", err)
	}
	if err := o.packets(); err != nil {
		return err
	}
	return o.explain("write mp4 end", o.muxer.WriteTrailer())
}

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
		o.muxer.Free()
	}
	if o.io != nil {
		o.io.Free()
	}
	if o.luma != nil {
		o.luma.Free()
	}
	o.shown.Free()
	o.packet.Free()
	o.copied.Free()
}
