package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"
)

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

// mux hands p over, with times that grow in the units of the output as well.
func (o *Output) mux(p *astiav.Packet, base astiav.Rational) error {
	i := p.StreamIndex()
	p.RescaleTs(base, o.muxer.Streams()[i].TimeBase())
	if last := o.lastDTS[i]; last != astiav.NoPtsValue && p.Dts() <= last {
		p.SetDts(last + 1)
		p.SetPts(max(p.Pts(), last+1))
	}
	o.lastDTS[i] = p.Dts()
	return o.explain("write mp4 fragment", o.muxer.WriteInterleavedFrame(p))
}

// Written is the number of bytes that w has taken.
func (o *Output) Written() int64 { return o.written }

func (o *Output) write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.written += int64(n)
	if err != nil {
		o.writeErr = err
		return 0, astiav.ErrEpipe
	}
	return n, nil
}

// explain returns the writer's own error if it had one. What the muxer refuses else is the input's doing: times and track
// headers come from there.
func (o *Output) explain(what string, err error) error {
	if o.writeErr != nil {
		return fmt.Errorf("%s: %w", what, o.writeErr)
	}
	if err != nil && !errors.Is(err, errNoMemory) {
		return &Unsupported{"mux", fmt.Sprintf("its times or track headers are corrupt (%s: %v); send the file again", what, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
