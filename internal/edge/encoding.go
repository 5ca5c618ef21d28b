package edge

import (
	"bytes"
	"compress/gzip"
	"mime"
	"strconv"
	"strings"
)

// encodings are the content encodings that are served, and what the name of a file that was compressed beforehand ends with:
// app.js.br lies beside app.js.
var encodings = [...]struct{ name, suffix string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// compressible reports whether files of a content type get smaller by compression: text, and what is text under another name.
// Video, images and fonts are compressed already.
func compressible(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml", "application/wasm", "application/dash+xml",
		"application/vnd.apple.mpegurl", "application/manifest+json", "application/ld+json", "image/svg+xml", "image/x-icon":
		return true
	}
	return strings.HasPrefix(media, "text/")
}

// minCompressed is the size in bytes from which compression saves a packet.
const minCompressed = 1024

// compress returns data in gzip, nil where that does not save an eighth at least.
func compress(data []byte) []byte {
	if len(data) < minCompressed {
		return nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if err != nil || z.Close() != nil || b.Len() > len(data)-len(data)/8 {
		return nil
	}
	return bytes.Clone(b.Bytes())
}

// accepts reports whether an Accept-Encoding takes an encoding (RFC 9110, section 12.5.3): it is named, or * is, and not with a
// weight of 0. x-gzip is gzip.
func accepts(header []string, encoding string) bool {
	wild := false
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			switch {
			case strings.EqualFold(name, encoding), encoding == "gzip" && strings.EqualFold(name, "x-gzip"):
				return weight(params) > 0
			case name == "*":
				wild = weight(params) > 0
			}
		}
	}
	return wild
}

// weight reads ";q=0.5". Without a weight it is 1; what is none is 0.
func weight(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}
