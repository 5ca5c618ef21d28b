package edge

import (
	"mime"
	"path"
	"strings"
)

// contentTypes are fixed for what a video site is made of: the tables of operating systems differ, and some take .ts for
// TypeScript or for a translation.
var contentTypes = map[string]string{
	".mp4":   "video/mp4",
	".m4v":   "video/mp4",
	".m4a":   "audio/mp4",
	".m4s":   "video/iso.segment",
	".ts":    "video/mp2t",
	".flv":   "video/x-flv",
	".webm":  "video/webm",
	".m3u8":  "application/vnd.apple.mpegurl",
	".mpd":   "application/dash+xml",
	".vtt":   "text/vtt; charset=utf-8",
	".aac":   "audio/aac",
	".html":  "text/html; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".mjs":   "text/javascript; charset=utf-8",
	".json":  "application/json",
	".txt":   "text/plain; charset=utf-8",
	".wasm":  "application/wasm",
	".webp":  "image/webp",
	".avif":  "image/avif",
	".png":   "image/png",
	".jpg":   "image/jpeg",
	".jpeg":  "image/jpeg",
	".gif":   "image/gif",
	".svg":   "image/svg+xml",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
}

// contentType goes by the extension alone: what a file's bytes look like may have been chosen by a stranger.
func contentType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := contentTypes[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}
