package adminsocket

import (
	"context"
	"net/http"
)

// Video is what a node knows of its pipelines and models.
type Video struct {
	Workers   int          `json:"workers"` // that are alive
	Pipelines []string     `json:"pipelines"`
	Models    []VideoModel `json:"models"`
	Error     string       `json:"error,omitempty"` // why there is no worker
}

// VideoModel is a version of a model.
type VideoModel struct {
	Name     string `json:"name"`
	Version  int    `json:"version"`
	InForce  bool   `json:"in_force"` // pipelines that name no version use this one
	SHA256   string `json:"sha256"`
	Provider string `json:"provider"`      // where it computes: cuda or cpu; empty while no worker has loaded it
	Why      string `json:"why,omitempty"` // it is not cuda
}

// Video asks for pipelines and models.
func (c Client) Video(ctx context.Context) (Video, error) {
	var out Video
	err := c.call(ctx, http.MethodGet, "/v1/video", &out)
	return out, err
}
