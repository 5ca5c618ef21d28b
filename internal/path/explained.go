package path

import (
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// Explained says why an address gets the MTU it gets. It and its parts are a public interface: fields are added, never renamed.
type Explained struct {
	Answer
	Live       bool              `json:"live"`       // whether a running loop was asked; else nothing is measured
	Candidates []CandidateAnswer `json:"candidates"` // strongest layer first, in each the order of its table
}

// CandidateAnswer is one thing that a layer says about MTUs, and what became of it.
type CandidateAnswer struct {
	Source     string `json:"source"`      // default, csv, learned, policy or override
	Line       int    `json:"line"`        // of the layer's file, 0 for none
	ProvinceID string `json:"province_id"` // two digits, "any" or "default"
	ISP        string `json:"isp"`
	MTU        int    `json:"mtu"` // bytes; 0 where nothing is learned
	Condition  string `json:"condition"`
	Applies    bool   `json:"applies"`
	Wins       bool   `json:"wins"`
	Reason     string `json:"reason"`
}

// CandidateAnswers writes candidates out.
func CandidateAnswers(all []mtu.Candidate) []CandidateAnswer {
	out := make([]CandidateAnswer, len(all))
	for i, c := range all {
		out[i] = CandidateAnswer{
			Source: c.Source.String(), Line: c.Row.Line, ProvinceID: c.Row.ProvinceName(), ISP: c.Row.ISPName(), MTU: int(c.MTU),
			Condition: c.Row.Condition.String(), Applies: c.Applies, Wins: c.Wins, Reason: c.Reason,
		}
		if c.Row.Default {
			out[i].ProvinceID = "default"
		}
	}
	return out
}

// LearnedAnswer is what live connections have shown of the paths to a class. It is a public interface: fields are added, never
// renamed.
type LearnedAnswer struct {
	ProvinceID int        `json:"province_id"`
	Province   string     `json:"province"`
	ProvinceZH string     `json:"province_zh"`
	ISP        string     `json:"isp"`
	MTU        int        `json:"mtu"`      // bytes that all paths pass, below the table's; 0: the table's holds
	Proven     int        `json:"proven"`   // bytes of IP packet that connections may start with; 0: unproven
	Probing    bool       `json:"probing"`  // the MTU was lowered, and the table's is being tried again
	Networks   int        `json:"networks"` // client networks (/24, /48) that the evidence comes from
	Samples    int        `json:"samples"`  // pieces of evidence
	Since      time.Time  `json:"since"`
	RaiseAt    *time.Time `json:"raise_at"` // when the table's MTU will be tried again; null where nothing is lowered
}

// LearnedAnswerOf writes out what is learned of a class.
func LearnedAnswerOf(id class.ID, l mtu.Learned) LearnedAnswer {
	a := LearnedAnswer{
		ProvinceID: int(id.Province()), Province: id.Province().Name(), ProvinceZH: id.Province().Chinese(), ISP: id.ISP().String(),
		MTU: int(l.MTU), Proven: int(l.Proven), Probing: l.Probing, Networks: l.Networks, Samples: l.Samples, Since: l.Since,
	}
	if !l.RaiseAt.IsZero() {
		a.RaiseAt = &l.RaiseAt
	}
	return a
}

// LoopAnswer is the state of the loop that keeps the profiles. It is a public interface: fields are added, never renamed.
type LoopAnswer struct {
	Generation uint64  `json:"generation"` // Snapshots in force since the loop began
	AgeSec     float64 `json:"age_sec"`    // of the Snapshot in force
	Ticks      uint64  `json:"ticks"`
	Measured   int     `json:"measured_classes"` // with a round-trip time or a loss rate that is known
	Learned    int     `json:"learned_classes"`  // of which there is evidence
	EventsLost uint64  `json:"events_lost"`      // pieces of evidence that found no room
	LastError  string  `json:"last_error"`       // of the last tick, "" where it went well
}
