package cgroup

import (
	"path/filepath"
	"slices"
	"strings"
)

// controller names a hierarchy of groups: unified of version 2, the others of version 1.
type controller string

const (
	unified controller = ""
	cpu     controller = "cpu"
	memory  controller = "memory"
)

// membership reads /proc/self/cgroup, lines of "id:controllers:path": in which group of each hierarchy this process is.
func membership(root string) map[controller]string {
	groups := map[controller]string{}
	for _, line := range lines(filepath.Join(root, "proc/self/cgroup")) {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 {
			continue
		}
		for name := range strings.SplitSeq(fields[1], ",") {
			groups[controller(name)] = fields[2]
		}
	}
	return groups
}

// mount is a hierarchy that can be seen: its group base is at point.
type mount struct {
	controller  controller
	base, point string
}

// mounts reads /proc/self/mountinfo (proc_pid_mountinfo(5)), "id parent dev root point options [tags] - type source options".
func mounts(root string) (found []mount) {
	for _, line := range lines(filepath.Join(root, "proc/self/mountinfo")) {
		head, tail, ok := strings.Cut(line, " - ")
		before, after := strings.Fields(head), strings.Fields(tail)
		if !ok || len(before) < 5 || len(after) < 3 {
			continue
		}
		at := func(c controller) { found = append(found, mount{c, unescape(before[3]), unescape(before[4])}) }
		options := strings.Split(after[2], ",")
		switch {
		case after[0] == "cgroup2":
			at(unified)
		case after[0] != "cgroup":
		default:
			for _, c := range []controller{cpu, memory} {
				if slices.Contains(options, string(c)) {
					at(c)
				}
			}
		}
	}
	return found
}

// unescape gives back what mountinfo writes in octal.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// levels returns the folders of the group path and of all groups that hold it, as far as the mount shows them. A container
// whose own group is the top of what it sees may be told a path from outside: then the top is all there is.
func (m mount) levels(root, path string) (dirs []string) {
	top := filepath.Join(root, m.point)
	inside, err := filepath.Rel(m.base, path)
	if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
		return []string{top}
	}
	for dir := filepath.Join(top, inside); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == top || len(dir) <= len(top) {
			return dirs
		}
	}
}
