package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testworker"
)

// newPool returns a pool that ends with the test: of one worker and no spare one, but where cfg says otherwise.
func newPool(t testing.TB, cfg pipeline.Config) *pipeline.Pool {
	t.Helper()
	cfg.Worker = testworker.Path(t)
	if cfg.Workers == 0 {
		cfg.Workers = 1
	}
	if cfg.Spares == 0 {
		cfg.Spares = -1 // tests count processes
	}
	p, err := pipeline.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// process runs in through beauty_v2.
func process(t *testing.T, p *pipeline.Pool, in []byte) ([]byte, pipeline.Stats, error) {
	t.Helper()
	var out bytes.Buffer
	stats, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(in), &out, nil)
	return out.Bytes(), stats, err
}

func TestUnknownPipelineIsRefusedWithTheKnownNames(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v9"}, bytes.NewReader(nil), &bytes.Buffer{}, nil)
	var unknown *pipeline.UnknownPipelineError
	if !errors.Is(err, pipeline.ErrUnknownPipeline) || !errors.As(err, &unknown) || len(unknown.Known) == 0 {
		t.Fatalf("Process = %v", err)
	}
}
