package edge

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
)

// pageAt is the folder of the page: it is there also where the root folder takes "/".
const pageAt = "/quicedge/"

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/index.html"))

// pagePolicy lets the page use what the node itself sends, and nothing else: no script within the page, no other host.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ofPage reports whether a path is of the page's folder.
func ofPage(path string) bool {
	rest, ok := strings.CutPrefix(path, pageAt[:len(pageAt)-1])
	return ok && (rest == "" || rest[0] == '/')
}

// page answers with the page, and with what it is made of. uploads says whether who reads it may send video.
func (e *Edge) page(uploads bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this page is read with GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		switch r.URL.Path {
		case "/", pageAt:
			e.pageItself(w, r, uploads)
		case pageAt + "page.css", pageAt + "page.js":
			e.pageFile(w, r)
		case pageAt + "pattern.mp4":
			if !uploads { // it would have a worker make it for a stranger
				http.NotFound(w, r)
				return
			}
			e.pattern(w, r)
		case pageAt[:len(pageAt)-1]:
			w.Header().Set("Location", "."+pageAt)
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			http.NotFound(w, r)
		}
	}
}

func (e *Edge) pageItself(w http.ResponseWriter, r *http.Request, uploads bool) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, e.seen(r, uploads)); err != nil {
		writeError(w, asError(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // what it says holds for one client and one request
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h["X-Content-Type-Options"] = noSniff
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body.Bytes()))
}

func (e *Edge) pageFile(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		writeError(w, asError(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", "no-cache") // another version of the program has others
	h["X-Content-Type-Options"] = noSniff
	sum := sha256.Sum256(data)
	h.Set("Etag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
