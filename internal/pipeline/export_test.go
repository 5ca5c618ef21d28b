package pipeline

import (
	"context"

	"quicedge/internal/pipeline/wire"
)

// LeastMemory is the least that a worker is given.
const LeastMemory = leastMemory

// Attempt starts a worker as the pool does, lets it try something that a confined worker must not do, and returns what it
// said and how it ended. Unlocked leaves the filter of system calls away.
func (p *Pool) Attempt(what string, unlocked bool) (said, ended string, err error) {
	args := []string{"--attempt", what}
	if unlocked {
		args = append(args, "--unlocked")
	}
	c, err := p.spawn(args...)
	if err != nil {
		return "", "", err
	}
	ended = c.state()
	_ = c.conn.Close()
	return c.stderr.words(), ended, nil
}

// Fences are those that the oldest worker has.
func (p *Pool) Fences() []wire.Fence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.children[0].fences
}

// Look is a look of Watch at the files.
func (p *Pool) Look(ctx context.Context, last string) (now string, changed bool, err error) {
	return p.reloadChanged(ctx, last)
}
