package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

// tree writes files below a folder that plays the root.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	v2Mount   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1Mounts  = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	v1Members = "4:memory:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/a\n0::/a\n"
)

func TestLimitsAreTheTightestOfAllGroups(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  Limits
	}{
		"no control groups": {nil, Limits{}},
		"version 2": {map[string]string{
			"proc/self/mountinfo": v2Mount, "proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/memory.max": "4294967296\n",
		}, Limits{1.5, 4 << 30}},
		"version 2, no limit": {map[string]string{
			"proc/self/mountinfo": v2Mount, "proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/cpu.max": "max 100000\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, Limits{}},
		"version 2, the group above is tighter": {map[string]string{
			"proc/self/mountinfo": v2Mount, "proc/self/cgroup": "0::/slice/a\n",
			"sys/fs/cgroup/slice/a/cpu.max": "400000 100000\n", "sys/fs/cgroup/slice/a/memory.max": "max\n",
			"sys/fs/cgroup/slice/cpu.max": "200000 100000\n", "sys/fs/cgroup/slice/memory.max": "1073741824\n",
		}, Limits{2, 1 << 30}},
		"version 2, a container sees its group as the top": {map[string]string{
			"proc/self/mountinfo":      "30 23 0:26 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"proc/self/cgroup":         "0::/docker/a\n",
			"sys/fs/cgroup/cpu.max":    "50000 100000\n",
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, Limits{0.5, 512 << 20}},
		"version 2, a path outside of what is seen": {map[string]string{
			"proc/self/mountinfo":      "30 23 0:26 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"proc/self/cgroup":         "0::/../b\n",
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, Limits{0, 512 << 20}},
		"version 1": {map[string]string{
			"proc/self/mountinfo": v1Mounts, "proc/self/cgroup": v1Members,
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2147483648\n",
		}, Limits{3, 2 << 30}},
		"version 1, no limit": {map[string]string{
			"proc/self/mountinfo": v1Mounts, "proc/self/cgroup": v1Members,
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
		}, Limits{}},
		"both versions": {map[string]string{
			"proc/self/mountinfo":                          v1Mounts + "40 31 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"proc/self/cgroup":                             v1Members,
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2147483648\n",
		}, Limits{0, 2 << 30}},
		"a folder with a space": {map[string]string{
			"proc/self/mountinfo": "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n", "proc/self/cgroup": "0::/\n",
			"my groups/memory.max": "1048576\n",
		}, Limits{0, 1 << 20}},
		"nonsense": {map[string]string{
			"proc/self/mountinfo": "x\n - \n- cgroup2\n" + v2Mount, "proc/self/cgroup": "::\n:\n0::/a\n\x00",
			"sys/fs/cgroup/a/cpu.max": "NaN 0\n", "sys/fs/cgroup/a/memory.max": "-5\n",
		}, Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Read(tree(t, tt.files)); got != tt.want {
				t.Errorf("Read = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestMemoryOfTheMachine(t *testing.T) {
	if got := Total(tree(t, map[string]string{"proc/meminfo": "MemTotal:        2048000 kB\nMemFree: 1 kB\n"})); got != 2048000<<10 {
		t.Errorf("Total = %d", got)
	}
	if got := Total(t.TempDir()); got != 0 {
		t.Errorf("Total of nothing = %d", got)
	}
	if got := Total("/"); got < 1<<26 {
		t.Errorf("Total of this machine = %d", got)
	}
}
