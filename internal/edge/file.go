package edge

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
)

// file serves the files of the root folder. os.Root keeps paths and symbolic links within it; hidden names, folders without an
// index and whatever is no plain file are not found.
func (e *Edge) file(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files are read with GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	name, ok := fileName(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	info, err := e.root.Stat(name)
	if err != nil {
		fileError(w, r, err)
		return
	}
	if info.IsDir() {
		if !strings.HasSuffix(r.URL.Path, "/") {
			redirectToFolder(w, r)
			return
		}
		name = path.Join(name, "index.html")
	} else if strings.HasSuffix(r.URL.Path, "/") {
		http.NotFound(w, r)
		return
	}
	e.sendFile(w, r, name)
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

func (e *Edge) sendFile(w http.ResponseWriter, r *http.Request, name string) {
	// O_NONBLOCK: to open a pipe would otherwise wait for its writer.
	f, err := e.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		fileError(w, r, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(newTimedWriter(w, e.cfg.Stall), r, name, info.ModTime(), f)
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
