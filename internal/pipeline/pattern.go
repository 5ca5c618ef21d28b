package pipeline

import (
	"context"
	"fmt"
	"io"
	"strings"

	"quicedge/internal/pipeline/wire"
)

// The test pattern: five seconds.
const (
	patternWidth  = 640
	patternHeight = 360
	patternFrames = 150
)

// Pattern writes a short made-up video to out, always the same: a face of grainy skin that moves before sharp edges. It goes
// through no pipeline. Errors are those of Process.
func (p *Pool) Pattern(ctx context.Context, out io.Writer) error {
	job := wire.Job{Kind: wire.KindPattern, Width: patternWidth, Height: patternHeight, FrameCount: patternFrames}
	if _, err := p.run(ctx, job, strings.NewReader(""), out, nil); err != nil {
		return fmt.Errorf("make pattern: %w", err)
	}
	return nil
}
