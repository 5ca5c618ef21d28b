package av

import (
	"errors"
	"fmt"
	"io"

	"github.com/asticode/go-astiav"
)

// Read returns the next packet of the video or an audio track, and io.EOF at the end. The error is *Unsupported when
// the input is broken, or what the reader returned.
func (in *Input) Read() (*Packet, error) {
	p := in.takePacket()
	for {
		if r := readPacket(in.format, p.p); r < 0 {
			p.Close()
			if in.source.err == nil && errors.Is(r.err(), astiav.ErrEof) {
				return nil, io.EOF
			}
			return nil, in.explain(r.err(), &Unsupported{"demux", "the file is corrupt or ends in the middle; send it again"})
		}
		switch track := in.tracks.of(p.p.StreamIndex()); track {
		case ignored:
			p.p.Unref()
		case undefined:
			p.Close()
			return nil, undefinedAudio()
		default:
			p.audio = track
			return p, nil
		}
	}
}

// Decode gives the frames that a video packet completes to emit, in the order they are shown; emit owns what it gets. A
// packet that the decoder refuses is counted and left out; too many of them are *Unsupported.
func (in *Input) Decode(p *Packet, emit func(*Frame) error) error {
	if r := sendPacket(in.decoder, p.p); r < 0 && !r.ended() {
		if err := in.damaged.refuse(r.err()); err != nil {
			return err
		}
	} else {
		in.damaged.accept()
	}
	return in.frames(emit)
}

// Drain gives the frames that the decoder still holds to emit, after the last packet.
func (in *Input) Drain(emit func(*Frame) error) error {
	if r := sendPacket(in.decoder, nil); r < 0 && !r.ended() {
		return fmt.Errorf("drain decoder: %w", r.err())
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
		f := in.store.take()
		r := receiveFrame(in.decoder, f.f)
		switch {
		case r >= 0:
		case r.ended():
			f.Close()
			return nil
		default:
			f.Close()
			if err := in.damaged.refuse(r.err()); err != nil {
				return err
			}
			continue
		}
		in.clock.stamp(f.f)
		f, err := in.fit(f)
		if err != nil {
			return err
		}
		if err := emit(f); err != nil {
			return err
		}
	}
}

// fit returns f, or in its place a copy in the layout and the size that the output was opened with.
func (in *Input) fit(f *Frame) (*Frame, error) {
	if planar(f.f) && f.f.Width() == in.width && f.f.Height() == in.height {
		f.f.SetPixelFormat(astiav.PixelFormatYuv420P) // for yuvj420p: its range is in the encoder's parameters
		return f, nil
	}
	defer f.Close()
	return in.scaler.scale(f.f)
}

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
