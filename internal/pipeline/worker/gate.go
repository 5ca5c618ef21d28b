package worker

import (
	"io"
	"sync/atomic"
)

// maxHeld bounds what a gate keeps, in bytes. What is encoded has been judged before; when so much of it waits, it is let go.
const maxHeld = 64 << 20

// gate keeps what is written until it is opened, so that a video which is refused at its beginning has sent nothing.
type gate struct {
	w    io.Writer
	open atomic.Bool // set by the goroutine that judges
	held []byte
}

// Write implements io.Writer.
func (g *gate) Write(p []byte) (int, error) {
	if !g.open.Load() && len(g.held)+len(p) <= maxHeld {
		g.held = append(g.held, p...)
		return len(p), nil
	}
	if err := g.release(); err != nil {
		return 0, err
	}
	return g.w.Write(p)
}

// release writes what was kept, and keeps nothing more.
func (g *gate) release() error {
	g.open.Store(true)
	if len(g.held) == 0 {
		return nil
	}
	_, err := g.w.Write(g.held)
	g.held = nil
	return err
}
