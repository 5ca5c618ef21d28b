package worker

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/wire"
)

// moderator has a classifier look at some pictures, tells the node what it thinks, and ends the stream where it must.
type moderator struct {
	model tuned
	stage recipe.Stage
	tick  float64 // seconds
	out   *wire.Writer
	gate  *gate // nil: nothing is held back

	began bool
	first int64   // time of the first picture
	next  float64 // when to look again, in seconds from the first
}

// moderated ends a stream for what is shown in it.
type moderated struct{ wire.Verdict }

func (m *moderated) Error() string {
	return fmt.Sprintf("%s is %.2f at %s: this is not taken here", m.Stop, m.Scores[m.Stop], m.Position.Round(time.Millisecond))
}

func (m *moderator) frame(f *av.Frame, emit func(*av.Frame) error) error {
	if err := m.judge(f); err != nil {
		f.Close()
		return err
	}
	return emit(f)
}

func (m *moderator) judge(f *av.Frame) error {
	if !m.began {
		m.began, m.first = true, f.Time()
	}
	at := float64(f.Time()-m.first) * m.tick
	if m.gate != nil && at >= m.stage.Hold.Seconds() {
		m.gate.open.Store(true)
	}
	if at < m.next {
		return nil
	}
	perSecond := m.stage.PerSecond
	if perSecond == 0 {
		perSecond = 1
	}
	for m.next <= at {
		m.next += 1 / perSecond
	}
	session, err := m.model.session()
	if err != nil {
		return err
	}
	scores, err := session.Scores(planes(f))
	if err != nil {
		return err
	}
	v := m.verdict(scores)
	v.Position = time.Duration(at * float64(time.Second))
	if err := m.out.SendJSON(wire.TypeVerdict, v); err != nil {
		return err
	}
	if v.Stop != "" {
		return &moderated{v}
	}
	return nil
}

// verdict compares scores with their borders. A score that is no number reaches every border: what cannot be judged is not let pass.
func (m *moderator) verdict(scores []float32) wire.Verdict {
	model := m.model.model.Model()
	v := wire.Verdict{Model: model.Ref(), Scores: map[string]float32{}}
	for i, label := range model.Output.Labels {
		score := scores[i]
		if score != score {
			score = 1e9
		}
		v.Scores[label] = min(max(score, -1e9), 1e9) // JSON has no infinity
	}
	for _, label := range slices.Sorted(maps.Keys(v.Scores)) {
		if border, ok := m.stage.Flag[label]; ok && v.Scores[label] >= border {
			v.Flagged = append(v.Flagged, label)
		}
		if border, ok := m.stage.Stop[label]; ok && v.Scores[label] >= border && v.Stop == "" {
			v.Stop = label
		}
	}
	return v
}

func (m *moderator) drain(func(*av.Frame) error) error { return nil }

func (m *moderator) close() {}
