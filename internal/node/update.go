package node

import (
	"context"
	"errors"
	"net/http"

	"quicedge/internal/edge"
)

// updates lets operators change what the node runs.
type updates struct{ node *Node }

// Update implements edge.Updater. Tables come first, then the model: where they are refused, no program is started. The answer reaches the operator, since
// Retire lets requests end that the operators' listener had.
func (u updates) Update(ctx context.Context, req edge.UpdateRequest) (done edge.UpdateResult, err error) {
	if req.Tables {
		if _, err := u.node.Reload(); err != nil {
			return done, refused(http.StatusUnprocessableEntity, "tables_refused", err)
		}
		done.Updated = append(done.Updated, "tables")
	}
	if req.Model != nil {
		if err := u.node.video.switchModel(ctx, *req.Model); err != nil {
			return done, err
		}
		done.Updated = append(done.Updated, "model")
	}
	if req.Program == "" {
		return done, nil
	}
	program, err := trusted(req.Program)
	if errors.Is(err, errUntrusted) {
		return done, refused(http.StatusForbidden, "program_refused", err)
	}
	if err == nil {
		done.Process, err = u.node.Upgrade(ctx, program)
	}
	if err != nil {
		return done, refused(http.StatusBadGateway, "update_failed", err)
	}
	done.Updated = append(done.Updated, "program")
	return done, nil
}

func refused(status int, code string, err error) error {
	return &edge.Error{Status: status, Code: code, Message: err.Error() + ": the node goes on as before", Err: err}
}

var _ edge.Updater = updates{}
