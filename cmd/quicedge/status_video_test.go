package main

import (
	"strings"
	"testing"

	"quicedge/internal/adminsocket"
)

func TestStatusSaysOnWhatModelsCompute(t *testing.T) {
	for name, tt := range map[string]struct {
		of   adminsocket.Video
		want []string
	}{
		"workers": {adminsocket.Video{Workers: 3, Pipelines: []string{"beauty_v2", "transcode"}, Models: []adminsocket.VideoModel{
			{Name: "a", Version: 1, Provider: "cpu", Why: "the library has no CUDA"},
			{Name: "a", Version: 2, InForce: true, Provider: "cuda"},
			{Name: "b", Version: 1},
		}}, []string{
			"video\t3 workers; pipelines beauty_v2, transcode", "model\ta@1, not in force, on cpu (the library has no CUDA)",
			"model\ta@2, in force, on cuda", "model\tb@1, not in force, not loaded yet",
		}},
		"no workers": {adminsocket.Video{Pipelines: []string{"beauty_v2"}, Error: "no program"}, []string{"video\tno workers: no program"}},
		"an agent":   {adminsocket.Video{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			videoTable(&out, tt.of)
			if got := strings.TrimSpace(out.String()); got != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
