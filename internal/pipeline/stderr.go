package pipeline

import (
	"bytes"
	"log/slog"
	"sync"
)

// maxLine bounds a line of a worker's standard error; what is longer is cut.
const maxLine = 512

// lineLog turns a worker's standard error into log records, a line each, and keeps the last one: it is usually why the
// worker ended.
type lineLog struct {
	log *slog.Logger

	mu      sync.Mutex
	partial []byte
	last    string
}

// Write implements io.Writer; it never fails.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		room := max(maxLine-len(l.partial), 0)
		l.partial = append(l.partial, line[:min(len(line), room)]...)
		if !whole {
			break
		}
		l.flush()
		p = rest
	}
	return n, nil
}

func (l *lineLog) flush() {
	line := string(bytes.TrimSpace(l.partial))
	l.partial = l.partial[:0]
	if line == "" {
		return
	}
	l.last = line
	l.log.Warn("video worker says", "line", line)
}

func (l *lineLog) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}
