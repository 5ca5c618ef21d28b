package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"quicedge/internal/adminsocket"
	"quicedge/internal/edge"
	"quicedge/internal/pipeline"
)

// reload reads pipelines and models again. What is refused leaves the old in force.
func (v *video) reload(ctx context.Context) error {
	if v.pool == nil {
		return nil
	}
	return v.pool.Reload(ctx)
}

// watchVideo takes in changed pipelines and models.
func (n *Node) watchVideo() {
	if n.video != nil && n.video.pool != nil {
		go n.video.pool.Watch(n.life, pipeline.WatchEvery, func(err error) { n.logReload("pipelines and models", err) })
	}
}

// switchModel puts another version of a model in force. One that has come into the folder since is found by a reload first.
func (v *video) switchModel(ctx context.Context, m edge.ModelVersion) error {
	if v == nil {
		return noWorker(errors.New("an agent runs no video workers"))
	}
	if v.pool == nil {
		return noWorker(v.err)
	}
	err := v.pool.Switch(ctx, m.Name, m.Version)
	if errors.Is(err, pipeline.ErrUnknownModel) {
		if err := v.reload(ctx); err != nil {
			return refused(http.StatusUnprocessableEntity, "model_refused", err)
		}
		err = v.pool.Switch(ctx, m.Name, m.Version)
	}
	switch {
	case errors.Is(err, pipeline.ErrUnknownModel):
		return refused(http.StatusNotFound, "unknown_model", err)
	case err != nil:
		return refused(http.StatusUnprocessableEntity, "model_refused", err)
	}
	return nil
}

// judgementOf sums up what a pipeline that moderates thinks, in JSON; empty for the others.
func judgementOf(stats pipeline.Stats) string {
	j, ok := stats.Judgement()
	if !ok {
		return ""
	}
	text, err := json.Marshal(j)
	if err != nil {
		return "" // no score is infinite: a worker says none
	}
	return string(text)
}

// Video implements adminsocket.Node.
func (n *Node) Video() adminsocket.Video {
	v := adminsocket.Video{Pipelines: []string{}, Models: []adminsocket.VideoModel{}}
	if n.video == nil {
		return v
	}
	v.Pipelines = n.video.library().Names()
	if n.video.pool == nil {
		v.Error = n.video.err.Error()
		return v
	}
	v.Workers = len(n.video.pool.PIDs())
	for _, m := range n.video.pool.Models() {
		v.Models = append(v.Models, adminsocket.VideoModel{
			Name: m.Name, Version: m.Version, InForce: m.InForce, SHA256: m.SHA256, Provider: m.Provider, Why: m.Why,
		})
	}
	return v
}
