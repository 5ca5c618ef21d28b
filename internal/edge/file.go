package edge

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"syscall"
	"time"
)

// file serves the files of the root folder. os.Root keeps paths and symbolic links within it; hidden names, folders without an
// index and whatever is no plain file are not found.
func (e *Edge) file(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files are read with GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	if len(r.Header[DeadlineHint]) > 0 {
		e.fileInTime(w, r)
		return
	}
	e.named(w, r)
}

func (e *Edge) fileInTime(w http.ResponseWriter, r *http.Request) {
	ctx, cancel, err := withDeadline(r, time.Now())
	if err != nil {
		writeError(w, asError(err))
		return
	}
	defer cancel()
	e.named(w, r.WithContext(ctx))
}

// named answers with the file that the path names.
func (e *Edge) named(w http.ResponseWriter, r *http.Request) {
	name, ok := fileName(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if held := e.shelf.fresh(name, time.Now()); held != nil && !strings.HasSuffix(r.URL.Path, "/") {
		e.send(w, r, held)
		return
	}
	e.find(w, r, name)
}

// find looks at the disk for a name.
func (e *Edge) find(w http.ResponseWriter, r *http.Request, name string) {
	info, err := e.root.Stat(name)
	folder := strings.HasSuffix(r.URL.Path, "/")
	switch {
	case err != nil:
		fileError(w, r, err)
		return
	case info.IsDir() && !folder:
		redirectToFolder(w, r)
		return
	case info.IsDir():
		name = path.Join(name, "index.html")
		if held := e.shelf.fresh(name, time.Now()); held != nil {
			e.send(w, r, held)
			return
		}
		if info, err = e.root.Stat(name); err != nil {
			fileError(w, r, err)
			return
		}
	case folder:
		http.NotFound(w, r)
		return
	}
	if !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	e.send(w, r, e.shelf.get(name, info))
}

// fileName makes a URL path a name within the root, and reports whether it may be served.
func fileName(urlPath string) (string, bool) {
	if strings.ContainsAny(urlPath, "\x00\\") {
		return "", false
	}
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if name == "" {
		return ".", true
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" { // RFC 8615
			return "", false
		}
	}
	return name, fs.ValidPath(name)
}

// redirectToFolder adds the slash that relative links of an index.html need. The target is relative, and one segment: a path
// that begins with two slashes would lead to another host.
func redirectToFolder(w http.ResponseWriter, r *http.Request) {
	target := "./" + path.Base(r.URL.EscapedPath()) + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusMovedPermanently)
}

// fileError tells a file that is not there, or that a link leads out of the root, from one that the node failed to read.
func fileError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		http.Error(w, "403 forbidden", http.StatusForbidden)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		noteError(w, asError(err))
		http.Error(w, "500 the file cannot be read", http.StatusInternalServerError)
	default:
		http.NotFound(w, r)
	}
}
