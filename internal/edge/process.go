package edge

import (
	"net/http"
	"time"
)

// synthetic is the answer of POST /api/v1/process.
type synthetic struct {
	Pipeline   string             `json:"pipeline"`
	Width      int                `json:"width"`
	Height     int                `json:"height"`
	FrameCount int                `json:"frame_count"`
	ElapsedMs  float64            `json:"elapsed_ms"`
	Stages     map[string]float64 `json:"stages"` // milliseconds
}

// process makes frames, runs them through a pipeline and answers with the time that each stage took.
func (e *Edge) process(w http.ResponseWriter, r *http.Request) {
	result, err := e.runSynthetic(w, r)
	if err != nil {
		writeError(w, e.workError(r, err))
		return
	}
	writeJSON(w, http.StatusOK, result)
}

func (e *Edge) runSynthetic(w http.ResponseWriter, r *http.Request) (synthetic, error) {
	if e.cfg.Draining() {
		return synthetic{}, draining(nil)
	}
	ctx, cancel, err := withDeadline(r, time.Now())
	if err != nil {
		return synthetic{}, err
	}
	defer cancel()
	var req SyntheticRequest
	if err := e.decodeJSON(w, r, &req); err != nil {
		return synthetic{}, err
	}
	if err := e.knownPipeline(req.Pipeline); err != nil {
		return synthetic{}, err
	}
	done, err := e.cfg.Processor.Synthetic(ctx, req)
	if err != nil {
		return synthetic{}, err
	}
	return answer(done), nil
}

func answer(done SyntheticResult) synthetic {
	return synthetic{
		Pipeline: done.Pipeline, Width: done.Width, Height: done.Height, FrameCount: done.FrameCount,
		ElapsedMs: milliseconds(done.Elapsed), Stages: inMilliseconds(done.Stages),
	}
}

func inMilliseconds(stages map[string]time.Duration) map[string]float64 {
	out := make(map[string]float64, len(stages))
	for name, took := range stages {
		out[name] = milliseconds(took)
	}
	return out
}

// milliseconds keeps microseconds, which is as fine as a stage can be told from its timer.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
