package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quicedge/models"
)

// WatchEvery is a good interval for Watch: a change is read two looks after it ends, and a look asks for the state of a few files.
const WatchEvery = time.Second

// Watch reloads whenever the file of pipelines, the manifest of models or a file that it names has changed, until ctx ends or the pool
// does. It looks at the files, through symbolic links, instead of listening for events: no event can be lost. The outcome of each
// reload goes to reloaded; what was refused is tried again when it changes.
func (p *Pool) Watch(ctx context.Context, every time.Duration, reloaded func(error)) {
	for _, name := range p.cfg.sources() {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrPermission) {
			p.cfg.Log.Warn("changed pipelines and models are not taken in by themselves: send SIGHUP after a change, or let the node's user enter the folder",
				"error", err)
			return
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := ""; ; {
		select {
		case <-ctx.Done():
			return
		case <-p.life.Done():
			return
		case <-tick.C:
		}
		now, changed, err := p.reloadChanged(ctx, last)
		if changed && !errors.Is(err, ErrClosed) && ctx.Err() == nil {
			reloaded(err)
		}
		last = now
	}
}

// reloadChanged reloads where the files are others than those that were read, and the same as at the last look: what is being written
// is left to grow. It returns the stamp of now, for the next look.
func (p *Pool) reloadChanged(ctx context.Context, last string) (now string, changed bool, err error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if now = stampOf(p.sources); now == p.stamp || now != last {
		return now, false, nil
	}
	return now, true, p.reload(ctx)
}

// note remembers which files are about to be read, and their stamp. A manifest that changes meanwhile has another at the next look.
func (p *Pool) note() {
	p.sources = p.cfg.sources()
	p.stamp = stampOf(p.sources)
	var named []string
	p.cfg.Reading(func() { named = p.cfg.named() })
	p.sources = append(p.sources, named...)
	p.stamp += stampOf(named)
}

// sources are the operator's files.
func (c Config) sources() (files []string) {
	if c.Pipelines != "" {
		files = append(files, c.Pipelines)
	}
	if c.Models != "" {
		files = append(files, filepath.Join(c.Models, models.ManifestName))
	}
	return files
}

// named are the files of models that the manifest names; none where it cannot be read, since nothing of it is in force before it changes.
func (c Config) named() (files []string) {
	if c.Models == "" {
		return nil
	}
	name := filepath.Join(c.Models, models.ManifestName)
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	all, err := models.Parse(name, text)
	if err != nil {
		return nil
	}
	for _, m := range all {
		files = append(files, filepath.Join(c.Models, m.File))
	}
	return files
}

// stampOf is size and time of change of files; equal stamps are equal files, but for one written twice within one tick of the clock.
func stampOf(files []string) string {
	var b strings.Builder
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%d %d", info.Size(), info.ModTime().UnixNano())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
