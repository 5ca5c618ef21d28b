package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// Packet is one compressed packet. It has one owner, who closes it.
type Packet struct {
	p     *astiav.Packet
	audio int // number of the audio track; video is -1
	home  chan *Packet
}

const video = -1

// Video says that the packet belongs to the video track; else it is audio.
func (p *Packet) Video() bool { return p.audio == video }

// Close gives the packet up.
func (p *Packet) Close() {
	p.p.Unref()
	select {
	case p.home <- p:
	default:
		p.p.Free()
	}
}

// takePacket returns an empty packet.
func (in *Input) takePacket() *Packet {
	select {
	case p := <-in.packets:
		return p
	default:
		return &Packet{p: astiav.AllocPacket(), home: in.packets}
	}
}

// tracks says what becomes of the packets of the container's tracks, by their number there.
type tracks []int

const (
	ignored   = -2
	undefined = -3 // an audio track of which nothing was known when the output began
)

// of returns the audio track, video, ignored or undefined.
func (t tracks) of(index int) int {
	if index < 0 || index >= len(t) {
		return ignored
	}
	return t[index]
}

// undefinedAudio is the error for a track that began too late to be carried: audio is not dropped in silence.
func undefinedAudio() error {
	return &Unsupported{"demux", fmt.Sprintf("an audio track of it begins more than %s after the picture; send audio from the start, or none", probeTime)}
}
