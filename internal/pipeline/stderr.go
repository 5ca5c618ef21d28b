package pipeline

import (
	"bytes"
	"log/slog"
	"sync"
)

// A crash in C prints hundreds of lines, of which the first says what it was. maxLine is in bytes.
const (
	maxLine  = 512
	maxLines = 10
)

// lineLog turns a worker's standard error into log records, a line each and so many a job, and keeps the first line of
// a job: it is usually why the worker ended.
type lineLog struct {
	log *slog.Logger

	mu      sync.Mutex
	partial []byte
	first   string
	lines   int
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
	if l.lines == 0 {
		l.first = line
	}
	if l.lines++; l.lines <= maxLines {
		l.log.Warn("video worker says", "line", line)
	}
}

// forget begins a job.
func (l *lineLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first, l.lines = "", 0
}

// words returns the first line since forget.
func (l *lineLog) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}
