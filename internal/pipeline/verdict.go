package pipeline

import (
	"time"

	"quicedge/internal/pipeline/wire"
)

// maxVerdicts bounds what Stats keeps of a stream: half an hour at two pictures a second.
const maxVerdicts = 3600

// Verdict is what a pipeline that moderates thinks of one picture. Scores are by label; Flagged names those that reach their border, Stop
// the one for which the stream was ended.
type Verdict struct {
	Position time.Duration
	Model    string
	Scores   map[string]float32
	Flagged  []string
	Stop     string
}

// Judgement is what all verdicts of a stream say together.
type Judgement struct {
	Judged  int64              `json:"judged"`  // pictures
	Flagged map[string]int     `json:"flagged"` // pictures by label, of the first 3600
	Highest map[string]float32 `json:"highest"` // score by label, of the same
}

// Judgement sums the verdicts up. It is false where nothing was judged.
func (s Stats) Judgement() (Judgement, bool) {
	j := Judgement{Judged: s.Judged, Flagged: map[string]int{}, Highest: map[string]float32{}}
	for _, v := range s.Verdicts {
		for _, label := range v.Flagged {
			j.Flagged[label]++
		}
		for label, score := range v.Scores {
			if highest, ok := j.Highest[label]; !ok || score > highest {
				j.Highest[label] = score
			}
		}
	}
	return j, s.Judged > 0
}

// ModeratedError says that a stream was ended for what is shown in it (HTTP 403, code moderated).
type ModeratedError struct {
	Verdict Verdict
	Reason  string
}

func (e *ModeratedError) Error() string { return "moderated: " + e.Reason }

// verdict keeps what the worker thinks, and passes it on.
func (x *exchange) verdict(f wire.Frame) error {
	var v wire.Verdict
	if err := f.Decode(&v); err != nil {
		return err
	}
	x.judged++
	x.last = Verdict(v)
	if len(x.verdicts) < maxVerdicts {
		x.verdicts = append(x.verdicts, x.last)
	}
	return nil
}

// moderated is the error of a stream that a verdict ended.
func (x *exchange) moderated(fail wire.Fail) error {
	return &ModeratedError{Verdict: x.last, Reason: fail.Reason}
}
