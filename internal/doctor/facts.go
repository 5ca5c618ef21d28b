package doctor

import (
	"errors"
	"os"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/class"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// Facts are what is known of a host.
type Facts struct {
	Kernel       string // as uname -r prints it
	BTF          bool   // whether the kernel describes its types
	Features     []dataplane.Feature
	Capabilities map[string]bool // whether one is in effect in this process, by names such as "CAP_BPF"
	Pins         dataplane.PinFolder
	Sysctls      map[string]string // by names such as "net.core.rmem_max"; those that are not there are left out
	Devices      []dataplane.DeviceFacts
	DeviceErr    error                   // why a device that was asked for is missing
	Profiles     [class.Max]path.Profile // what the table says of each class
	TableErr     error                   // why the table could not be read; nothing is held against it then
	Fences       Fences                  // around video workers
}

// Question says what to gather facts of.
type Question struct {
	PinDir     string
	Interfaces []string // devices of the calling thread's network namespace
	Profiles   [class.Max]path.Profile
	TableErr   error
}

// Gather looks at the host. It needs no right to run: what it may not see, the facts say.
func Gather(q Question) Facts {
	f := Facts{
		Kernel:       dataplane.Kernel(),
		Features:     dataplane.Features(),
		Capabilities: map[string]bool{},
		Pins:         dataplane.LookAtPins(q.PinDir),
		Sysctls:      map[string]string{},
		Profiles:     q.Profiles,
		TableErr:     q.TableErr,
		Fences:       gatherFences(),
	}
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	f.BTF = err == nil
	for _, c := range []cap.Value{cap.BPF, cap.NET_ADMIN, cap.SYS_ADMIN, cap.NET_BIND_SERVICE} {
		effective, err := cap.GetProc().GetFlag(cap.Effective, c)
		f.Capabilities[strings.ToUpper(c.String())] = err == nil && effective
	}
	names := sysctlNames()
	for _, device := range q.Interfaces {
		d, err := dataplane.Device(device)
		f.DeviceErr = errors.Join(f.DeviceErr, err)
		if d.Name != "" {
			f.Devices = append(f.Devices, d)
			names = append(names, rpFilter(device))
		}
	}
	for _, name := range names {
		if value, ok := readSysctl(name); ok {
			f.Sysctls[name] = value
		}
	}
	return f
}

// readSysctl reads a setting: its dots are slashes of a path, and the slashes that sysctl(8) has for dots in a device's name
// are dots there.
func readSysctl(name string) (value string, ok bool) {
	text, err := os.ReadFile("/proc/sys/" + strings.NewReplacer(".", "/", "/", ".").Replace(name))
	return strings.TrimSpace(string(text)), err == nil
}
