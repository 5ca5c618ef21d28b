package quicsrv

import (
	"context"
	"os"
	"time"
)

// WatchEvery is a good interval for Watch: renewals come weeks before a certificate ends, so seconds are soon enough.
const WatchEvery = 10 * time.Second

// Watch reloads the certificate whenever one of its files has changed, until ctx ends. It looks at the files, through
// symbolic links, instead of listening for events: a renewal that swaps a link is seen like any other, and no event can be
// lost. The outcome of each reload goes to reloaded. A pair that is being replaced may not match for a moment: it is tried
// again at the next look, and the old one stays in use.
func (c *Certificate) Watch(ctx context.Context, every time.Duration, reloaded func(error)) {
	if c.certFile == "" {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c.changed() {
			reloaded(c.Reload())
		}
	}
}

// changed reports whether the files are others than those in use. After a reload that failed they always are: a file that was
// written twice within one tick of the clock has the stamp it had before.
func (c *Certificate) changed() bool {
	c.reload.Lock()
	defer c.reload.Unlock()
	return c.loaded != c.stamp()
}

type fileStamp struct {
	size    int64
	changed time.Time
}

// stamp is taken before a reload, so that a change during the reload is seen at the next look.
func (c *Certificate) stamp() (both [2]fileStamp) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			both[i] = fileStamp{info.Size(), info.ModTime()}
		}
	}
	return both
}
