package edge

import (
	"html/template"
	"net/http"
)

var welcomePage = template.Must(template.New("welcome").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>QuicEdge {{.Node}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:4em auto;padding:0 1em}th{text-align:left;padding-right:2em}</style>
<h1>QuicEdge</h1>
<p>This node works. It serves no folder yet: start it with <code>--root DIR</code>.</p>
<table>
<tr><th>Node<td id="node">{{.Node}}
<tr><th>Version<td id="version">{{.Version}}
<tr><th>Protocol of this request<td id="proto">{{.Proto}}
<tr><th>Your address<td id="addr">{{.Addr}}
<tr><th>Your class<td id="class">{{.Province}} {{.ProvinceName}}, {{.ISP}}
<tr><th>MTU to you<td id="mtu">{{.MTU}} bytes ({{.Source}})
</table>
</html>
`))

// welcome is the page of a node that serves no folder.
func (e *Edge) welcome(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this page is read with GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	client := e.cfg.Classify(clientAddr(r))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // what it says holds for one client and one request
	h.Set("X-Content-Type-Options", "nosniff")
	_ = welcomePage.Execute(w, map[string]any{
		"Node": e.cfg.Node, "Version": e.cfg.Version, "Proto": r.Proto, "Addr": client.Addr,
		"Province": client.Class.Province(), "ProvinceName": client.Class.Province().Name(), "ISP": client.Class.ISP(),
		"MTU": client.Profile.MTU, "Source": client.Profile.Source,
	})
}
