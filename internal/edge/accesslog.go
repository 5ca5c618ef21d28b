package edge

import (
	"log/slog"
	"net/http"
	"time"
)

// logRequest writes the line of a request.
func (e *Edge) logRequest(name string, r *http.Request, rec *recorder, took time.Duration) {
	level := e.logLevel(name, rec.outcome())
	if e.cfg.Log.Enabled(r.Context(), level) {
		e.writeLine(level, name, r, rec, took)
	}
}

// writeLine stands apart: its frame is large, and a request that leaves no line needs no room for it on its stack.
func (e *Edge) writeLine(level slog.Level, name string, r *http.Request, rec *recorder, took time.Duration) {
	who := &rec.who
	attrs := []slog.Attr{
		slog.String("request_id", who.request), slog.String("trace_id", who.trace.id()), slog.String("handler", name),
		slog.String("method", printable(r.Method)), slog.String("path", printable(r.URL.Path)), slog.String("proto", protocol(r)),
		slog.Bool("early_data", early(r)), slog.Int("status", rec.outcome()), slog.Int64("bytes", rec.bytes),
		slog.Duration("duration", took), slog.String("client", who.addr.String()),
		slog.String("province", who.class.Province().String()), slog.String("isp", who.class.ISP().String()),
	}
	if rtt := e.cfg.Connection(r.Context()).RTT; rtt > 0 {
		attrs = append(attrs, slog.Duration("rtt", rtt))
	}
	if rec.err != nil {
		attrs = append(attrs, slog.String("code", rec.err.Code), slog.String("error", rec.err.Error()))
	}
	e.cfg.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func (e *Edge) logLevel(name string, status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelWarn
	case e.cfg.AccessLog, name == "stream", name == "process", name == "update":
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
