package edge

import (
	"context"
	"net/http"
	"path/filepath"
	"time"
)

// Updater changes what a running node runs, without a lost request.
type Updater interface {
	// Update starts the update, and returns when the new takes requests, or with the reason why the old goes on. It must not end
	// the process, or the connection that asked, before it has returned.
	Update(ctx context.Context, req UpdateRequest) (UpdateResult, error)
}

// UpdateRequest is the body of POST /v1/update, of which one field at least is given.
type UpdateRequest struct {
	Program string `json:"program,omitempty"` // absolute path of the program that is to take over
	Tables  bool   `json:"tables,omitempty"`  // read tables, prefixes, overrides and certificates anew

	Model *ModelVersion `json:"model,omitempty"` // put this version of a model in force, once it is proven
}

// ModelVersion names a version of a model of the video pipelines.
type ModelVersion struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// UpdateResult is the answer of POST /v1/update.
type UpdateResult struct {
	Updated   []string `json:"updated"`           // "tables", "model", "program"
	Process   int      `json:"process,omitempty"` // process id of the program that took over
	ElapsedMs float64  `json:"elapsed_ms"`        // from the request until it was done
}

// update switches the program or its tables. No web page may, whatever its origin: a page whose name leads to this host (DNS rebinding)
// has the node's.
func (e *Edge) update(w http.ResponseWriter, r *http.Request) {
	result, err := e.runUpdate(w, r)
	if err != nil {
		writeError(w, e.workError(r, err))
		return
	}
	writeJSON(w, http.StatusOK, result)
}

func (e *Edge) runUpdate(w http.ResponseWriter, r *http.Request) (UpdateResult, error) {
	if r.Header.Get("Origin") != "" {
		return UpdateResult{}, &Error{Status: http.StatusForbidden, Code: "web_page", Message: "web pages do not update a node: use curl, or quicedge upgrade"}
	}
	began := time.Now()
	ctx, cancel, err := withDeadline(r, began)
	if err != nil {
		return UpdateResult{}, err
	}
	defer cancel()
	var req UpdateRequest
	if err := e.decodeJSON(w, r, &req); err != nil {
		return UpdateResult{}, err
	}
	if err := req.validate(); err != nil {
		return UpdateResult{}, err
	}
	if e.cfg.Update == nil {
		return UpdateResult{}, &Error{
			Status: http.StatusServiceUnavailable, Code: "update_unavailable",
			Message: "this node takes no updates while it runs: stop it, and start the new program",
		}
	}
	result, err := e.cfg.Update.Update(ctx, req)
	result.ElapsedMs = milliseconds(time.Since(began))
	return result, err
}

func (req UpdateRequest) validate() error {
	switch {
	case req.Program == "" && !req.Tables && req.Model == nil:
		return &Error{
			Status: http.StatusBadRequest, Code: "nothing_to_update",
			Message: `nothing is named to update: send {"program":"/path/of/the/new/quicedge"} or {"tables":true} or {"model":{"name":"beauty_v2","version":2}}`,
		}
	case req.Program != "" && !filepath.IsAbs(req.Program):
		return InvalidField("program", req.Program, "use an absolute path")
	case req.Model != nil && (req.Model.Name == "" || req.Model.Version < 1):
		return InvalidField("model", req.Model.Name, "give name and version, as quicedge models list prints them")
	}
	return nil
}
