package edge

import "net/http"

// pipelines lists what a client may ask for.
func (e *Edge) pipelines(w http.ResponseWriter, _ *http.Request) {
	if e.cfg.Processor == nil {
		writeError(w, noProcessor())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"pipelines": e.cfg.Processor.Pipelines()})
}

func names(all []Pipeline) []string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.Name
	}
	return out
}

func noProcessor() *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "video_unavailable",
		Message: "this node runs no video worker: see /readyz?verbose, or use another node",
	}
}
