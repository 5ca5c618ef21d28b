package av

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asticode/go-astiav"
)

// Packet is one compressed packet, valid until the next Read.
type Packet struct {
	p     *astiav.Packet
	video bool
	audio int // index of the audio track, if not video
}

// Video says that the packet belongs to the video track; else it is audio.
func (p Packet) Video() bool { return p.video }

// Read returns the next packet of the video or an audio track, and io.EOF at the end. The error is *Unsupported when
// the input is broken, or what the reader returned.
func (in *Input) Read() (Packet, error) {
	for {
		in.packet.Unref()
		if err := in.format.ReadFrame(in.packet); err != nil {
			if in.source.err == nil && errors.Is(err, astiav.ErrEof) {
				return Packet{}, io.EOF
			}
			return Packet{}, in.source.explain(err, &Unsupported{"demux", "the file is corrupt or ends in the middle; send it again"})
		}
		index := in.packet.StreamIndex()
		if index == in.video.Index() {
			return Packet{p: in.packet, video: true}, nil
		}
		for i, s := range in.audio {
			if s.Index() == index {
				return Packet{p: in.packet, audio: i}, nil
			}
		}
	}
}

// Decode gives the frames that a video packet completes to emit, in the order they are shown. A packet that the decoder
// refuses is counted and left out; too many of them are *Unsupported.
func (in *Input) Decode(p Packet, emit func(*Frame) error) error {
	if err := in.decoder.SendPacket(p.p); err != nil && !isEnd(err) {
		if err := in.damaged.refuse(err); err != nil {
			return err
		}
	} else {
		in.damaged.accept()
	}
	return in.frames(emit)
}

// Drain gives the frames that the decoder still holds to emit, after the last packet.
func (in *Input) Drain(emit func(*Frame) error) error {
	if err := in.decoder.SendPacket(nil); err != nil && !isEnd(err) {
		return fmt.Errorf("drain decoder: %w", err)
	}
	if err := in.frames(emit); err != nil {
		return err
	}
	if !in.clock.begun {
		return &Unsupported{"decode", "no frame of it could be decoded; send a video that starts with a key frame"}
	}
	return nil
}

func (in *Input) frames(emit func(*Frame) error) error {
	for {
		in.frame.Unref()
		err := in.decoder.ReceiveFrame(in.frame)
		switch {
		case err == nil:
		case isEnd(err):
			return nil
		default:
			if err := in.damaged.refuse(err); err != nil {
				return err
			}
			continue
		}
		in.clock.stamp(in.frame)
		f, err := in.fit(in.frame)
		if err != nil {
			return err
		}
		if err := emit(&Frame{f: f}); err != nil {
			return err
		}
	}
}

// fit returns f, or a copy in the layout and the size that the output was opened with.
func (in *Input) fit(f *astiav.Frame) (*astiav.Frame, error) {
	p := in.video.CodecParameters()
	if planar(f) && f.Width() == p.Width() && f.Height() == p.Height() {
		return f, nil
	}
	if in.scaler == nil {
		in.scaler = &scaler{width: p.Width(), height: p.Height()}
	}
	return in.scaler.scale(f)
}

// Position is the time of the last decoded frame.
func (in *Input) Position() time.Duration { return in.clock.position() }

// damage counts what the decoder refuses. A cut out of a live stream begins with packets that refer to what came
// before it, and a lossy uplink loses some: such a video is still worth having. One of which a tenth is refused is not.
type damage struct {
	packets int64 // refused in all
	lead    int64 // of these, before the first good one
	good    int64
}

const (
	damageLead  = 250 // ten seconds without a key frame
	damageFree  = 10
	damageShare = 10
)

func (d *damage) accept() { d.good++ }

func (d *damage) refuse(err error) error {
	if errors.Is(err, errNoMemory) {
		return &Unsupported{"decode", tooMuchMemory}
	}
	d.packets++
	if d.good == 0 {
		d.lead++
	}
	if d.lead > damageLead || d.packets-d.lead > max(damageFree, d.good/damageShare) {
		return &Unsupported{"decode", fmt.Sprintf("%d of %d packets are corrupt; send the file again", d.packets, d.packets+d.good)}
	}
	return nil
}
