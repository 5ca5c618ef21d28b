package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"
)

// muxer packs encoded video and copied audio. Packets go to FFmpeg's muxer as they come, in the order of the input: its own
// interleaving would hold the picture back for as long as a track is silent.
type muxer struct {
	format  Format
	sink    *pipe
	context *astiav.FormatContext
	from    astiav.Rational   // the encoder's unit
	bases   []astiav.Rational // by track: 0 is the video
	lastDTS []int64

	// held is the newest video packet. Only the next one tells how long it lasts, and a fragment cannot be corrected.
	held    *astiav.Packet
	holding bool
	cutter  cutter // of fragmented MP4
}

func newMuxer(sink *pipe, f Format, encoder *astiav.CodecContext) (*muxer, error) {
	m := &muxer{format: f, sink: sink, from: encoder.TimeBase(), held: astiav.AllocPacket()}
	if err := m.open(encoder); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *muxer) open(encoder *astiav.CodecContext) error {
	name, settings := m.format.Container.settings()
	var err error
	if m.context, err = astiav.AllocOutputFormatContext(nil, name, ""); err != nil {
		return fmt.Errorf("open %s output: %w", name, err)
	}
	m.sink.attach(m.context)
	if m.format.Container != MP4 {
		m.context.SetFlags(m.context.Flags().Add(astiav.FormatContextFlagFlushPackets))
	}
	if err := m.addTracks(encoder); err != nil {
		return err
	}
	options := dictionary(settings)
	defer options.Free()
	if err := m.explain("write header", m.context.WriteHeader(options)); err != nil {
		return err
	}
	for i := range 1 + len(m.format.audio) {
		m.bases = append(m.bases, timeBase(m.context, i))
		m.lastDTS = append(m.lastDTS, astiav.NoPtsValue)
	}
	m.cutter = newCutter(m)
	return nil
}

// settings returns FFmpeg's name of a container and its muxer's options.
func (c Container) settings() (string, map[string]string) {
	switch c {
	case MPEGTS:
		// As the ffmpeg command has it: 0.7 s from a packet's arrival to its decoding at most, and room in front of the first
		// picture for the clock and for audio that begins before it.
		return "mpegts", map[string]string{"max_delay": "700000", "output_ts_offset": "1.4"}
	case MP4:
		return "mp4", nil
	}
	// delay_moov writes the index with the first fragment: only then are the audio's parameters known (ADTS) and the edit
	// lists right.
	return "mp4", map[string]string{"movflags": "frag_custom+delay_moov+default_base_moof"}
}

// video takes over the packet's content.
func (m *muxer) video(p *astiav.Packet) error {
	p.SetStreamIndex(0)
	rescale(p, m.from, m.bases[0])
	m.order(0, p)
	m.cutter.begin(p.Dts())
	if m.holding {
		m.held.SetDuration(p.Dts() - m.held.Dts())
		if err := m.writeHeld(); err != nil {
			return err
		}
		if err := m.cutter.before(p); err != nil {
			return err
		}
	}
	m.held.MoveRef(p)
	m.holding = true
	return nil
}

func (m *muxer) writeHeld() error {
	m.holding = false
	m.cutter.add(0)
	r := writePacket(m.context, m.held)
	m.held.Unref()
	return m.explain("write picture", r.err())
}

// audio writes a packet of an audio track, in the units of the input's track.
func (m *muxer) audio(track int, p *astiav.Packet) error {
	i := 1 + track
	p.SetStreamIndex(i)
	rescale(p, m.format.audio[track].times.base, m.bases[i])
	m.order(i, p)
	m.cutter.add(i)
	return m.explain("write audio", writePacket(m.context, p).err())
}

// order makes times grow in the units of the output as well.
func (m *muxer) order(i int, p *astiav.Packet) {
	if last := m.lastDTS[i]; last != astiav.NoPtsValue && p.Dts() <= last {
		p.SetDts(last + 1)
		p.SetPts(max(p.Pts(), last+1))
	}
	m.lastDTS[i] = p.Dts()
}

func (m *muxer) finish() error {
	if m.holding {
		if err := m.writeHeld(); err != nil {
			return err
		}
	}
	if err := m.cutter.finish(); err != nil {
		return err
	}
	if err := m.explain("write end", m.context.WriteTrailer()); err != nil {
		return err
	}
	m.sink.flush()
	return m.explain("write end", nil)
}

func (m *muxer) close() {
	if m.context != nil {
		m.context.Free()
	}
	m.held.Free()
}

// explain returns the writer's own error if it had one. What the muxer refuses else is the input's doing: times and track
// headers come from there.
func (m *muxer) explain(what string, err error) error {
	if m.sink.err != nil {
		return fmt.Errorf("%s: %w", what, m.sink.err)
	}
	if err != nil && !errors.Is(err, errNoMemory) {
		return &Unsupported{"mux", fmt.Sprintf("its times or track headers are corrupt (%s: %v); send the file again", what, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// stampCopy gives a copied packet its place on the output's timeline.
func stampCopy(p *astiav.Packet, t *timeline) {
	lead := int64(0) // from decoding to presentation
	if p.Pts() != astiav.NoPtsValue && p.Dts() != astiav.NoPtsValue {
		lead = min(max(p.Pts()-p.Dts(), 0), t.jump)
	}
	dts := p.Dts()
	if dts == astiav.NoPtsValue {
		dts = p.Pts()
	}
	dts = t.next(dts)
	p.SetDts(dts)
	p.SetPts(dts + lead)
	p.SetDuration(t.length(p.Duration()))
}
