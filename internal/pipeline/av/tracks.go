package av

import (
	"fmt"

	"github.com/asticode/go-astiav"
)

// addTracks tells the muxer what it gets: the video, then each audio track.
func (m *muxer) addTracks(encoder *astiav.CodecContext) error {
	f := m.format
	s := m.context.NewStream(nil)
	p := s.CodecParameters()
	if err := p.FromCodecContext(encoder); err != nil {
		return fmt.Errorf("add video track: %w", err)
	}
	s.SetTimeBase(encoder.TimeBase())
	s.SetAvgFrameRate(f.rate)
	s.SetSampleAspectRatio(p.SampleAspectRatio())
	if f.Container != MPEGTS && p.CodecID() == astiav.CodecIDHevc {
		setTag(p, "hvc1") // parameters in the index only: what Apple's players ask for
	}
	if (f.right > 0 || f.bottom > 0) && !setCrop(p, f.right, f.bottom) {
		return fmt.Errorf("add clean aperture: %w", errNoMemory)
	}
	if f.turned() { // a telephone held upright
		matrix, _ := f.shape.SideData().DisplayMatrix().Get()
		if err := p.SideData().DisplayMatrix().Add(matrix); err != nil {
			return fmt.Errorf("add rotation: %w", err)
		}
	}
	for _, t := range f.audio {
		if err := m.addAudio(t); err != nil {
			return fmt.Errorf("add audio track: %w", err)
		}
	}
	return nil
}

func (m *muxer) addAudio(t track) error {
	s := m.context.NewStream(nil)
	p := s.CodecParameters()
	if err := t.parameters.Copy(p); err != nil {
		return err
	}
	p.SetCodecTag(0) // the number of another container
	s.SetTimeBase(t.times.base)
	if bare(t.parameters) && m.format.Container != MPEGTS {
		return p.SetExtraData(audioConfig(p))
	}
	return nil
}
