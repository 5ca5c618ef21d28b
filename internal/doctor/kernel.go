package doctor

import (
	"errors"
	"fmt"
	"slices"

	"quicedge/internal/dataplane"
)

// oldest is the oldest Linux that the programs are tested on.
var oldest = [2]int{6, 1}

func (f Facts) kernel() []Finding {
	found := []Finding{ok("kernel", "Linux %s", f.Kernel)}
	var major, minor int
	if n, err := fmt.Sscanf(f.Kernel, "%d.%d", &major, &minor); n != 2 || err != nil {
		found[0] = warning("kernel", fmt.Sprintf("release %q has no number", f.Kernel), "look at uname -r")
	} else if slices.Compare([]int{major, minor}, oldest[:]) < 0 {
		found[0] = warning("kernel", fmt.Sprintf("Linux %s is older than %d.%d, the oldest that is tested", f.Kernel, oldest[0], oldest[1]),
			"upgrade the kernel: apt install linux-image-amd64, then reboot")
	}
	if !f.BTF {
		return append(found, warning("btf", "no /sys/kernel/btf/vmlinux: bpftool shows less of maps and programs", "use a kernel with CONFIG_DEBUG_INFO_BTF=y, such as Debian's"))
	}
	return append(found, ok("btf", "/sys/kernel/btf/vmlinux"))
}

// way reports whether a feature is one of the two ways to attach.
func way(name string) bool { return name == dataplane.FeatureTCX || name == dataplane.FeatureClsact }

// needed reports whether no load works without a feature. The others serve servers that ask for them.
func needed(name string) bool {
	return !way(name) && !slices.Contains([]string{"socket-filters", "sk-reuseport", "reuseport-arrays"}, name)
}

func (f Facts) features() (found []Finding) {
	for _, feature := range f.Features {
		found = append(found, f.feature(feature))
	}
	return found
}

func (f Facts) feature(feature dataplane.Feature) Finding {
	check, cure := "feature "+feature.Name, fmt.Sprintf("use Linux %s or later, built with it", feature.Since)
	switch {
	case feature.Err == nil:
		return ok(check, "%s", feature.For)
	case errors.Is(feature.Err, dataplane.ErrNotPermitted):
		return warning(check, "not known: "+feature.Err.Error(), "sudo quicedge doctor")
	case !errors.Is(feature.Err, dataplane.ErrUnsupported):
		return warning(check, "not known: "+feature.Err.Error(), "report it with the output of uname -a")
	case way(feature.Name) && f.has(other(feature.Name)):
		return ok(check, "the kernel has not got it, and %s does the same", other(feature.Name))
	case feature.Name == dataplane.FeatureClsact:
		return problem(check, "the kernel has not got it: "+feature.For, "modprobe sch_ingress && modprobe cls_bpf")
	case needed(feature.Name) || way(feature.Name):
		return problem(check, "the kernel has not got it: "+feature.For, cure)
	}
	return warning(check, "the kernel has not got it: no "+feature.For, cure)
}

func other(name string) string {
	if name == dataplane.FeatureTCX {
		return dataplane.FeatureClsact
	}
	return dataplane.FeatureTCX
}

func (f Facts) has(name string) bool {
	return slices.ContainsFunc(f.Features, func(feature dataplane.Feature) bool { return feature.Name == name && feature.Err == nil })
}
