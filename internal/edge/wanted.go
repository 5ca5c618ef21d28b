package edge

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// mediaTypes are those of the containers of an answer; all others are MP4.
const (
	mediaTypeMP4 = "video/mp4"
	mediaTypeTS  = "video/mp2t"
)

func mediaType(format string) string {
	if format == "ts" {
		return mediaTypeTS
	}
	return mediaTypeMP4
}

// wanted reads what a stream's client asks for: the parameters format and codec, and without a format the Accept header.
func (e *Edge) wanted(r *http.Request) (StreamRequest, error) {
	query := r.URL.Query()
	req := StreamRequest{Pipeline: query.Get("pipeline"), Format: query.Get("format"), Codec: query.Get("codec")}
	formats, codecs := e.cfg.Processor.Formats(), e.cfg.Processor.Codecs()
	if req.Format == "" {
		req.Format = accepted(r.Header.Values("Accept"), formats)
	}
	switch {
	case req.Format == "":
		return req, &Error{
			Status: http.StatusNotAcceptable, Code: "not_acceptable", Field: "Accept",
			Message: fmt.Sprintf("Accept names neither %s nor %s: the answer is one of them", mediaTypeMP4, mediaTypeTS),
		}
	case !slices.Contains(formats, req.Format):
		return req, InvalidField("format", req.Format, "use one of "+strings.Join(formats, ", "))
	case req.Codec != "" && !slices.Contains(codecs, req.Codec):
		return req, InvalidField("codec", req.Codec, "use one of "+strings.Join(codecs, ", "))
	}
	return req, nil
}

// accepted returns the format that an Accept header (RFC 9110, section 12.5.1) names first, the usual one where it does not
// care, and "" where it takes none of them. Weights other than 0 are not compared.
func accepted(headers, formats []string) string {
	named := false
	for _, h := range headers {
		for item := range strings.SplitSeq(h, ",") {
			kind, parameters, err := mime.ParseMediaType(strings.TrimSpace(item))
			if err != nil {
				continue
			}
			named = true
			if weight := parameters["q"]; weight != "" && strings.Trim(weight, "0.") == "" {
				continue
			}
			for _, f := range formats {
				if kind == mediaType(f) || kind == "video/*" || kind == "*/*" {
					return f
				}
			}
		}
	}
	if named {
		return ""
	}
	return formats[0]
}
