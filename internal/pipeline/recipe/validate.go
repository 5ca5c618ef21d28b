package recipe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"quicedge/models"
)

// The limits of a recipe.
const (
	maxStages    = 8
	maxSummary   = 500
	maxPerSecond = 120
	maxHold      = time.Minute
)

// presets are those that libx264 and libx265 share.
func presets() []string {
	return []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}
}

// fault is a mistake below a recipe: the keys and indexes to it, and what it is.
type fault struct {
	path   []any
	reason string
}

func wrong(reason string, path ...any) *fault { return &fault{path, reason} }

func (r Recipe) validate() *fault {
	switch {
	case !models.ValidName(r.Name):
		return wrong("its name: use small letters, digits and _, at most 64")
	case r.Summary == "" || len(r.Summary) > maxSummary:
		return wrong(fmt.Sprintf("summary has %d bytes: say in one sentence what it does, at most %d", len(r.Summary), maxSummary), "summary")
	case len(r.Stages) > maxStages:
		return wrong(fmt.Sprintf("%d stages: at most %d", len(r.Stages), maxStages), "stages")
	}
	counts := map[Do]int{}
	for i, s := range r.Stages {
		if f := s.validate(); f != nil {
			return &fault{append([]any{"stages", i}, f.path...), f.reason}
		}
		if counts[s.Do]++; s.Do != Model && counts[s.Do] > 1 {
			return wrong(fmt.Sprintf("do: a second %s: one is enough", s.Do), "stages", i, "do")
		}
	}
	return r.Encoder.validate()
}

func (s Stage) validate() *fault {
	switch s.Do {
	case Model:
		return first(s.validateModel(), s.only("per_second", "flag", "stop", "hold"))
	case DoubleRate:
		return s.only("model", "version", "parameters", "background", "per_second", "flag", "stop", "hold")
	case Moderate:
		return first(s.validateModel(), s.only("background"), s.validateModerate())
	}
	return wrong(fmt.Sprintf("do %q: use model, double_rate or moderate", s.Do), "do")
}

func first(faults ...*fault) *fault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func (s Stage) validateModel() *fault {
	switch {
	case !models.ValidName(s.Model):
		return wrong(fmt.Sprintf("model %q: name one that quicedge models list prints", s.Model), "model")
	case s.Version < 0:
		return wrong(fmt.Sprintf("version %d: use 1 or more, or leave it out for the one in force", s.Version), "version")
	case s.Background != "" && s.Background != Dim && s.Background != Grey:
		return wrong(fmt.Sprintf("background %q: use dim or grey", s.Background), "background")
	}
	return nil
}

// only refuses the keys that the step has no use for.
func (s Stage) only(others ...string) *fault {
	given := map[string]bool{
		"model": s.Model != "", "version": s.Version != 0, "parameters": len(s.Parameters) > 0, "background": s.Background != "",
		"per_second": s.PerSecond != 0, "flag": len(s.Flag) > 0, "stop": len(s.Stop) > 0, "hold": s.Hold != 0,
	}
	for _, key := range others {
		if given[key] {
			return wrong(fmt.Sprintf("%s has no meaning for %s: remove it", key, s.Do), key)
		}
	}
	return nil
}

func (s Stage) validateModerate() *fault {
	switch {
	case !(s.PerSecond >= 0 && s.PerSecond <= maxPerSecond):
		return wrong(fmt.Sprintf("per_second %v: use 0.01 to %d", s.PerSecond, maxPerSecond), "per_second")
	case s.Hold < 0 || s.Hold > maxHold:
		return wrong(fmt.Sprintf("hold %s: use 0s to %s", s.Hold, maxHold), "hold")
	case len(s.Flag)+len(s.Stop) == 0:
		return wrong("flag and stop are empty: give a label its border, such as flag: {dark: 0.5}", "flag")
	}
	for _, border := range []struct {
		key    string
		values map[string]float32
	}{{"flag", s.Flag}, {"stop", s.Stop}} {
		for label, v := range border.values {
			if !(v > 0 && v <= math.MaxFloat32) {
				return wrong(fmt.Sprintf("%s.%s %v: use a finite number above 0", border.key, label, v), border.key, label)
			}
		}
	}
	return nil
}

func (e Encoder) validate() *fault {
	switch {
	case !slices.Contains([]string{"", "h264", "h265"}, e.Codec):
		return wrong(fmt.Sprintf("encoder.codec %q: use h264 or h265", e.Codec), "encoder", "codec")
	case e.Preset != "" && !slices.Contains(presets(), e.Preset):
		return wrong(fmt.Sprintf("encoder.preset %q: use one of %s", e.Preset, strings.Join(presets(), ", ")), "encoder", "preset")
	case e.CRF < 0 || e.CRF > 51:
		return wrong(fmt.Sprintf("encoder.crf %d: use 1 (best) to 51, or leave it out", e.CRF), "encoder", "crf")
	}
	return nil
}

// Fits checks the recipe against the models that there are: that each exists, and takes and gives what the stage needs. all is
// by reference, inForce by name.
func (r Recipe) Fits(all map[string]models.Model, inForce map[string]int) error {
	fixed, err := r.WithVersions(inForce)
	if err != nil {
		return err
	}
	for i, s := range fixed.Stages {
		if s.Model == "" {
			continue
		}
		m, ok := all[models.Ref(s.Model, s.Version)]
		if !ok {
			return fmt.Errorf("pipeline %s: there is no model %s: add it to the folder of models, or name another version", r.Name, models.Ref(s.Model, s.Version))
		}
		if reason := s.fits(m); reason != "" {
			return fmt.Errorf("pipeline %s: stages[%d]: %s", r.Name, i, reason)
		}
	}
	return nil
}

func (s Stage) fits(m models.Model) string {
	switch {
	case s.Do == Moderate && m.Output.Use != models.Scores:
		return fmt.Sprintf("model %s gives no scores: moderate needs a classifier", m.Ref())
	case s.Do == Model && m.Output.Use == models.Scores:
		return fmt.Sprintf("model %s gives scores: use it with do: moderate", m.Ref())
	case s.Do == Model && (m.Output.Use == models.Mask) != (s.Background != ""):
		return fmt.Sprintf("background %q and model %s: a mask needs a background, dim or grey, and nothing else takes one", s.Background, m.Ref())
	}
	for _, borders := range []map[string]float32{s.Flag, s.Stop} {
		for _, label := range slices.Sorted(maps.Keys(borders)) {
			if !slices.Contains(m.Output.Labels, label) {
				return fmt.Sprintf("model %s has no label %s: use some of %s", m.Ref(), label, strings.Join(m.Output.Labels, ", "))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Parameters)) {
		i := slices.IndexFunc(m.Parameters, func(p models.Parameter) bool { return p.Name == key })
		if i < 0 {
			return fmt.Sprintf("model %s has no parameter %s: remove it", m.Ref(), key)
		}
		if p, v := m.Parameters[i], s.Parameters[key]; !(v >= p.Min && v <= p.Max) {
			return fmt.Sprintf("parameter %s is %v: model %s takes %v to %v", key, v, m.Ref(), p.Min, p.Max)
		}
	}
	return ""
}
