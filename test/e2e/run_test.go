package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"quicedge/internal/netnstest"
)

const demo = "../../examples/demo_prefixes.csv"

type answer struct {
	MTU, Budget int
	Source      string
	ProvinceID  int `json:"province_id"`
}

func (n *node) lookup(addr string) answer {
	n.t.Helper()
	code, out, errs := n.run("lookup", addr, "-o", "json")
	var a answer
	if err := json.Unmarshal([]byte(out), &a); code != 0 || err != nil {
		n.t.Fatalf("lookup %s: exit %d, %v, %s", addr, code, err, errs)
	}
	return a
}

func (n *node) get(url string) (int, string) {
	n.t.Helper()
	resp, err := n.operator().Get(url)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestMakeRun starts the node with the flags of "make run" and does what the README says next.
func TestMakeRun(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--ports", "4433", "--prefixes", demo)
	if status, body := n.get("http://localhost:8080/healthz"); status != 200 || !regexp.MustCompile(`^\{"status":"ok","uptime_sec":\d+\}\s*$`).MatchString(body) {
		t.Errorf("healthz: %d %q", status, body)
	}
	if status, body := n.get("http://localhost:8080/readyz?verbose"); status != 200 || !strings.Contains(body, "[+]bpf ok") || !strings.Contains(body, "[+]video ok") {
		t.Errorf("readyz: %d %q", status, body)
	}
	if a := n.lookup("198.51.100.7"); a != (answer{1372, 1324, "csv", 23}) {
		t.Errorf("lookup: %+v", a)
	}
	if first, second := sendTwice(t, n.ns, 4433, 1400); first != nil || !errors.Is(second, syscall.EMSGSIZE) {
		t.Errorf("a server that ignores the class sends 1428 bytes: %v, then %v", first, second)
	}
	if _, out, _ := n.run("stats"); !regexp.MustCompile(`Heilongjiang +OTHER +egress +clamped +1 +1428`).MatchString(out) {
		t.Errorf("stats:\n%s", out)
	}
	if code := n.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
}

// sendTwice sends two UDP datagrams without fragmentation from a port to loopback.
func sendTwice(t *testing.T, ns netnstest.NS, port, size int) (first, second error) {
	t.Helper()
	var c *net.UDPConn
	var err error
	netnstest.Do(t, ns, func() {
		c, err = net.DialUDP("udp4", &net.UDPAddr{Port: port}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, syscall.IP_PMTUDISC_DO)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, first = c.Write(make([]byte, size))
	_, second = c.Write(make([]byte, size))
	return first, second
}

func TestOverrideReachesKernelAndServerAndSurvives(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo)
	if code, _, errs := n.run("mtu", "set", "--province", "44", "--isp", "CUCC", "1400"); code != 0 {
		t.Fatal(errs)
	}
	want := answer{1400, 1352, "override", 44}
	if a := n.lookup("203.0.113.1"); a != want {
		t.Errorf("in the kernel: %+v", a)
	}
	n.cmd.Process.Kill()
	n.wait()
	if a := n.lookup("203.0.113.1"); a != want {
		t.Errorf("in the kernel after kill -9: %+v", a)
	}
	n.start("--iface", "lo", "--prefixes", demo)
	if a := n.lookup("203.0.113.1"); a != want {
		t.Errorf("after the restart: %+v", a)
	}
	if code, _, errs := n.run("mtu", "unset", "--province", "44", "--isp", "CUCC"); code != 0 {
		t.Fatal(errs)
	}
	if a := n.lookup("203.0.113.1"); a != (answer{1412, 1364, "csv", 44}) {
		t.Errorf("after unset: %+v", a)
	}
}

// TestReloadKeepsTheOldStateOnABadTable changes the prefix table under a running node, which has given up its capabilities.
func TestReloadKeepsTheOldStateOnABadTable(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	prefixes := filepath.Join(t.TempDir(), "p.csv")
	write := func(rows string) {
		if err := os.WriteFile(prefixes, []byte("prefix,province_id,isp\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("198.51.100.0/24,23,CMCC\n")
	n.start("--iface", "lo", "--prefixes", prefixes)
	write("198.51.100.0/24,53,CMCC\n")
	n.cmd.Process.Signal(syscall.SIGHUP)
	n.until("the new table is in the kernel", func() bool { return n.lookup("198.51.100.7").ProvinceID == 53 })
	write("198.51.100.0/24,99,CMCC\n")
	n.cmd.Process.Signal(syscall.SIGHUP)
	n.until("the node refuses the table", func() bool { return strings.Contains(n.stderr.String(), prefixes+`:2:17: unknown province`) })
	if a := n.lookup("198.51.100.7"); a.ProvinceID != 53 {
		t.Errorf("the bad table changed the kernel: %+v", a)
	}
}

// TestServesWithoutPrivilege reads what the kernel says of every thread of the node.
func TestServesWithoutPrivilege(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo)
	tasks, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(n.cmd.Process.Pid), "task/*/status"))
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	const kept = "0000008000001404" // CAP_BPF, CAP_NET_ADMIN, CAP_DAC_READ_SEARCH and, as the port is 443, CAP_NET_BIND_SERVICE
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for _, line := range strings.Split(string(text), "\n") {
			name, value, _ := strings.Cut(line, ":\t")
			switch {
			case (name == "CapEff" || name == "CapInh" || name == "CapAmb") && value != "0000000000000000":
				t.Errorf("%s: %s", task, line)
			case (name == "CapPrm" || name == "CapBnd") && value != kept:
				t.Errorf("%s: %s, want only what a reload, a device that comes back and an upgrade need, %s", task, line, kept)
			}
		}
	}
}

// TestRunsWhereNoBPFMayBeLoaded starts the node as nobody.
func TestRunsWhereNoBPFMayBeLoaded(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	bin := nobodysCopy(t, n)
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	n.stdout, n.stderr, n.ended = &buffer{}, &buffer{}, make(chan struct{})
	n.cmd = exec.Command(bin, append([]string{"run", "--iface", "lo", "--listen", ":8443", "--video-worker", "/nowhere"}, n.folders()...)...)
	n.cmd.SysProcAttr, n.cmd.Stdout, n.cmd.Stderr = nobody, n.stdout, n.stderr
	var err error
	netnstest.Do(t, n.ns, func() { err = n.cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	go func() { n.cmd.Wait(); close(n.ended) }()
	n.until("the node runs", func() bool { return strings.Contains(n.stdout.String(), "try:") })
	if !strings.Contains(n.stdout.String(), "data plane   none: ") || !strings.Contains(n.stderr.String(), "CAP_BPF") {
		t.Errorf("no sentence about the missing data plane:\n%s\n%s", n.stdout, n.stderr)
	}
	if status, _ := n.get("http://localhost:8080/readyz"); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	load := exec.Command(bin, append([]string{"load", "--iface", "lo"}, n.folders()...)...)
	load.SysProcAttr = nobody
	if code, _, errs := n.exec(load); code != 4 || !strings.Contains(errs, "CAP_BPF") {
		t.Errorf("load as nobody: exit %d, %s", code, errs)
	}
	if code := n.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// nobodysCopy puts the program and the state folder where nobody may reach them.
func nobodysCopy(t *testing.T, n *node) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "quicedge-nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "quicedge")
	n.state = filepath.Join(dir, "state")
	for _, err := range []error{
		os.WriteFile(bin, text, 0o755), os.Chmod(dir, 0o755), os.Mkdir(n.state, 0o700), os.Chown(n.state, 65534, 65534),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestStartsThatCannotWork(t *testing.T) {
	netnstest.NeedBPF(t)
	ns := netnstest.New(t)
	taken := func(network string) string {
		var addr string
		var err error
		netnstest.Do(t, ns, func() {
			var closer io.Closer
			if network == "udp" {
				var c net.PacketConn
				c, err = net.ListenPacket("udp", "127.0.0.1:0")
				addr, closer = c.LocalAddr().String(), c
			} else {
				var l net.Listener
				l, err = net.Listen("tcp", "127.0.0.1:0")
				addr, closer = l.Addr().String(), l
			}
			t.Cleanup(func() { closer.Close() })
		})
		if err != nil {
			t.Fatal(err)
		}
		return addr
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no such interface":       {[]string{"--iface", "nope0"}, "nope0"},
		"UDP port in use":         {[]string{"--iface", "lo", "--listen", taken("udp")}, "in use"},
		"TCP port in use":         {[]string{"--iface", "lo", "--listen", taken("tcp")}, "in use"},
		"operators' port in use":  {[]string{"--iface", "lo", "--admin", taken("tcp")}, "--admin"},
		"root that is not there":  {[]string{"--iface", "lo", "--root", "/nowhere"}, "/nowhere"},
		"table that is not there": {[]string{"--iface", "lo", "--table", "/nowhere.csv"}, "/nowhere.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			n := place(t, ns)
			n.launch(tt.args...)
			if code := n.wait(); code != 1 || !strings.Contains(n.stderr.String(), tt.want) {
				t.Errorf("exit %d: %s; want 1 and %q", code, n.stderr, tt.want)
			}
			if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
				t.Errorf("half-loaded: %s exists (%v)", n.pins, err)
			}
		})
	}
}

func TestTwoNodesDoNotShareAStateFolder(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo")
	code, _, errs := n.run("run", "--iface", "none", "--listen", ":8443", "--admin", "127.0.0.1:8081")
	if code != 1 || !strings.Contains(errs, "another node runs with this state folder") {
		t.Errorf("second node: exit %d, %s", code, errs)
	}
	if status, _ := n.get("http://localhost:8080/livez"); status != 200 {
		t.Errorf("the first node answers %d", status)
	}
}

func TestLoadWithoutANode(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	t.Cleanup(func() { n.run("unload", "--iface", "lo") })
	if code, _, errs := n.run("load", "--iface", "lo", "--prefixes", demo, "--ports", "443,8443"); code != 0 {
		t.Fatal(errs)
	}
	if code, out, errs := n.run("mtu", "set", "--province", "23", "1300"); code != 0 || !strings.Contains(out, "loaded data plane") {
		t.Errorf("mtu set: exit %d, %s %s", code, out, errs)
	}
	if a := n.lookup("198.51.100.7"); a != (answer{1300, 1252, "override", 23}) {
		t.Errorf("lookup: %+v", a)
	}
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("province_id,isp,mtu,condition\n44,CUCC,900,always\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := n.run("load", "--iface", "lo", "--table", bad); code != 1 || !strings.Contains(errs, bad+":2:9") {
		t.Errorf("bad load: exit %d, %s", code, errs)
	}
	if a := n.lookup("198.51.100.7"); a.MTU != 1300 {
		t.Errorf("the failed load changed the tables: %+v", a)
	}
	if code, out, _ := n.run("stats", "-o", "json"); code != 0 || !strings.Contains(out, `"ports": [`) || !strings.Contains(out, "8443") {
		t.Errorf("stats: exit %d, %s", code, out)
	}
	if code, _, errs := n.run("unload", "--iface", "lo"); code != 0 {
		t.Error(errs)
	}
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
	if code, _, errs := n.run("unload", "--iface", "lo"); code != 1 || errs == "" {
		t.Errorf("second unload: exit %d, %s", code, errs)
	}
}

func TestSecondSignalCutsRequestsAndStillTakesAllDown(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo")
	hold, writer := io.Pipe()
	defer writer.Close()
	go newClient(t, n.ns).Post("https://127.0.0.1:443/api/v1/streams/held?pipeline=beauty_v2", "video/mp2t", hold)
	n.until("the upload is running, beside the request that asks", func() bool {
		_, body := n.get("http://localhost:8080/metrics")
		return regexp.MustCompile(`(?m)^quicedge_http_requests_in_flight\S* [2-9]`).MatchString(body)
	})
	n.cmd.Process.Signal(syscall.SIGTERM)
	n.until("the node says that it drains", func() bool {
		status, body := n.get("http://localhost:8080/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "draining")
	})
	select {
	case <-n.ended:
		t.Fatal("the node did not wait for the upload")
	default:
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	if code := n.wait(); code == 0 {
		t.Errorf("exit code %d after a drain that was cut", code)
	}
	if _, err := os.Stat(n.pins); !os.IsNotExist(err) {
		t.Errorf("pins are left: %v", err)
	}
}

// TestRootRunsFromAnotherUsersHome has everything in a folder that root without capabilities may not search, as "sudo make run"
// in a home has it.
func TestRootRunsFromAnotherUsersHome(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	home := t.TempDir()
	prefixes := filepath.Join(home, "p.csv")
	for _, name := range []string{"quicedge", "quicedge-video", "libonnxruntime.so.1"} {
		copyFile(t, filepath.Join(filepath.Dir(program), name), filepath.Join(home, name))
	}
	write := func(province string) {
		if err := os.WriteFile(prefixes, []byte("prefix,province_id,isp\n198.51.100.0/24,"+province+",CMCC\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(prefixes, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	write("23")
	for _, err := range []error{os.Chown(home, 65534, 65534), os.Chmod(home, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	n.program = filepath.Join(home, "quicedge")
	n.start("--iface", "lo", "--prefixes", prefixes, "--video-workers", "1")
	if _, body := n.get("http://localhost:8080/readyz?verbose"); !strings.Contains(body, "[+]video ok") {
		t.Errorf("readyz: %s", body)
	}
	before := children(t, n.cmd.Process.Pid)
	for _, pid := range before {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	n.until("a new worker is ready", func() bool {
		_, body := n.get("http://localhost:8080/readyz?verbose")
		return strings.Contains(body, "[+]video ok") && !slices.Equal(children(t, n.cmd.Process.Pid), before)
	})
	write("53")
	if code, _, errs := n.run("mtu", "set", "--province", "11", "1400"); code != 0 {
		t.Errorf("reload: %s", errs)
	}
	if a := n.lookup("198.51.100.7"); a.ProvinceID != 53 {
		t.Errorf("after the reload: %+v", a)
	}
	n.stop()
	n.launch("--iface", "lo", "--root", home)
	if code := n.wait(); code != 4 || !strings.Contains(n.stderr.String(), "without privilege") {
		t.Errorf("a root that cannot be served: exit %d, %s", code, n.stderr)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestNodeKeepsItsDataPlane starts a second node, and commands, on the pins of a running one.
func TestNodeKeepsItsDataPlane(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo)
	other := place(t, n.ns)
	other.pins = n.pins
	other.launch("--iface", "lo", "--listen", ":8443", "--admin", "127.0.0.1:8081")
	if code := other.wait(); code != 1 || !strings.Contains(other.stderr.String(), "--pin-dir") {
		t.Errorf("second node: exit %d, %s", code, other.stderr)
	}
	for _, args := range [][]string{{"load", "--iface", "lo"}, {"unload", "--iface", "lo"}} {
		if code, _, errs := other.run(args...); code != 1 || !strings.Contains(errs, "--pin-dir") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
	if a := n.lookup("198.51.100.7"); a.MTU != 1372 {
		t.Errorf("the first node's tables: %+v", a)
	}
	if status, body := n.get("http://localhost:8080/readyz?verbose"); status != 200 || !strings.Contains(body, "[+]bpf ok") {
		t.Errorf("readyz: %d %s", status, body)
	}
}

// TestStateThatCannotBeKeptChangesNothing blocks the file of the last table, as a full disk does.
func TestStateThatCannotBeKeptChangesNothing(t *testing.T) {
	netnstest.NeedBPF(t)
	n := place(t, netnstest.New(t))
	n.start("--iface", "lo", "--prefixes", demo)
	if err := os.Mkdir(filepath.Join(n.state, "table.csv.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := n.run("mtu", "set", "--province", "23", "1300"); code != 1 || !strings.Contains(errs, "may not be in force") {
		t.Errorf("mtu set: exit %d, %s", code, errs)
	}
	if a := n.lookup("198.51.100.7"); a.MTU != 1372 {
		t.Errorf("in force all the same: %+v", a)
	}
	other := place(t, n.ns)
	if err := os.MkdirAll(filepath.Join(other.state, "table.csv.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := other.run("load", "--iface", "lo"); code != 1 {
		t.Errorf("load: exit %d", code)
	}
	if _, err := os.Stat(other.pins); !os.IsNotExist(err) {
		t.Errorf("half-loaded: %v", err)
	}
}
