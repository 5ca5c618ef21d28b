package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// candidate is a server to measure.
type candidate struct {
	name string
	url  string
	args []string
	file string // written before the start; "": none
	text string
}

// candidates are the servers there are, the one that the others are compared with first.
func candidates(s settings, w site) []candidate {
	all := []candidate{
		{name: "plain quic-go", args: []string{s.plain, "--listen", "127.0.0.1:18441", "--root", w.root, "--memory"}, url: "https://127.0.0.1:18441"},
		{name: "quicedge", url: "https://127.0.0.1:18442", args: []string{
			s.node, "run", "--iface", "none", "--listen", "127.0.0.1:18442", "--admin", "127.0.0.1:18082", "--root", w.root,
			"--cert", w.cert, "--key", w.key, "--state-dir", filepath.Join(w.dir, "state"), "--log-level", "warn",
		}},
	}
	if s.caddy != "" {
		file := filepath.Join(w.dir, "Caddyfile")
		all = append(all, candidate{
			name: "Caddy", url: "https://localhost:18443", args: []string{s.caddy, "run", "--adapter", "caddyfile", "--config", file}, file: file,
			text: fmt.Sprintf("{\nadmin off\nauto_https off\n}\nhttps://localhost:18443 {\nbind 127.0.0.1\ntls %s %s\nroot * %s\nfile_server\n}\n", w.cert, w.key, w.root),
		})
	}
	if s.nginx != "" {
		file := filepath.Join(w.dir, "nginx.conf")
		all = append(all, candidate{
			name: "nginx", url: "https://127.0.0.1:18444", args: []string{s.nginx, "-c", file, "-p", w.dir}, file: file,
			text: fmt.Sprintf(`daemon off; master_process off; pid nginx.pid; error_log stderr error;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
server { listen 127.0.0.1:18444 quic; quic_gso on; ssl_certificate %s; ssl_certificate_key %s; root %s; } }
`, w.cert, w.key, w.root),
		})
	}
	return all
}

// withHTTP3 returns the program if it was built with HTTP/3.
func withHTTP3(program string) string {
	if program == "" {
		return ""
	}
	if about, err := exec.Command(program, "-V").CombinedOutput(); err != nil || !strings.Contains(string(about), "http_v3_module") {
		return ""
	}
	return program
}

func (c candidate) write() error {
	if c.file == "" {
		return nil
	}
	return os.WriteFile(c.file, []byte(c.text), 0o644)
}
