package main

import (
	"fmt"
	"net"
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
func candidates(s settings, w site) ([]candidate, error) {
	ports, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	all := []candidate{plain("plain quic-go", s, w, ports[0], "--memory"), plain("its files", s, w, ports[1]), node(s, w, ports[2], ports[3])}
	if s.caddy != "" {
		all = append(all, caddy(s, w, ports[4]))
	}
	if s.nginx != "" {
		all = append(all, nginx(s, w, ports[5]))
	}
	return all, nil
}

// freePorts finds ports that nothing on this host has on UDP and TCP.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback})
		if err != nil {
			return nil, err
		}
		defer tcp.Close()
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback, Port: port})
		if err != nil {
			return nil, err
		}
		defer udp.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

var loopback = net.IPv4(127, 0, 0, 1)

func at(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// plain is quic-go's own server with a handler that has the files in memory, or with net/http's for files.
func plain(name string, s settings, w site, port int, more ...string) candidate {
	args := append([]string{s.plain, "--listen", at(port), "--root", w.root}, more...)
	return candidate{name: name, url: "https://" + at(port), args: args}
}

func node(s settings, w site, port, admin int) candidate {
	return candidate{name: "quicedge", url: "https://" + at(port), args: []string{
		s.node, "run", "--iface", "none", "--listen", at(port), "--admin", at(admin), "--root", w.root,
		"--cert", w.cert, "--key", w.key, "--state-dir", filepath.Join(w.dir, "state"), "--log-level", "warn",
	}}
}

// caddy serves the files without an access log.
func caddy(s settings, w site, port int) candidate {
	file, host := filepath.Join(w.dir, "Caddyfile"), fmt.Sprintf("https://localhost:%d", port)
	return candidate{
		name: "Caddy", url: host, args: []string{s.caddy, "run", "--adapter", "caddyfile", "--config", file}, file: file,
		text: fmt.Sprintf("{\nadmin off\nauto_https off\n}\n%s {\nbind 127.0.0.1\ntls %s %s\nroot * %s\nfile_server\n}\n", host, w.cert, w.key, w.root),
	}
}

func nginx(s settings, w site, port int) candidate {
	file := filepath.Join(w.dir, "nginx.conf")
	return candidate{
		name: "nginx", url: "https://" + at(port), args: []string{s.nginx, "-c", file, "-p", w.dir}, file: file,
		text: fmt.Sprintf(`daemon off; master_process off; pid nginx.pid; error_log stderr error;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
server { listen %s quic; quic_gso on; ssl_certificate %s; ssl_certificate_key %s; root %s; } }
`, at(port), w.cert, w.key, w.root),
	}
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
