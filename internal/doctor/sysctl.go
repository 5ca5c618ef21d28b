package doctor

import (
	"fmt"
	"strconv"
	"strings"
)

// socketBuffer is what quic-go asks of the kernel for a socket, in bytes, for each direction.
const socketBuffer = 7_500_000

// Names of the kernel's settings that Facts.Sysctls has, each device's own apart.
func sysctlNames() []string {
	return []string{
		"net.core.rmem_max", "net.core.wmem_max", "net.core.bpf_jit_enable", "kernel.unprivileged_bpf_disabled",
		"net.ipv4.ip_no_pmtu_disc", "net.ipv4.conf.all.rp_filter",
	}
}

// rpFilter names a device's own setting as sysctl(8) takes it: with a slash for a dot in the device's name.
func rpFilter(device string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(device, ".", "/") + ".rp_filter"
}

// sysctls judges each setting that is there; one that is not, such as those of the whole host in a network namespace of an
// older kernel, is left out.
func (f Facts) sysctls() (found []Finding) {
	for _, name := range sysctlNames() {
		if value, there := f.number(name); there {
			if finding, judged := sysctl(name, value); judged {
				found = append(found, finding)
			}
		}
	}
	for _, d := range f.Devices {
		found = append(found, f.reversePath(d.Name)...)
	}
	return found
}

func (f Facts) number(name string) (int, bool) {
	v, err := strconv.Atoi(strings.TrimSpace(f.Sysctls[name]))
	return v, err == nil
}

func sysctl(name string, value int) (f Finding, judged bool) {
	check, set := "sysctl "+name, func(v int) string { return fmt.Sprintf("sysctl -w %s=%d", name, v) }
	is := strconv.Itoa(value)
	switch name {
	case "net.core.rmem_max", "net.core.wmem_max":
		if value < socketBuffer {
			return warning(check, fmt.Sprintf("%s: QUIC servers ask for %d bytes of socket buffer, and lose packets in bursts with less", is, socketBuffer), set(socketBuffer)), true
		}
	case "net.core.bpf_jit_enable":
		if value == 0 {
			return warning(check, "0: BPF programs are interpreted, and each packet takes several times as long", set(1)), true
		}
	case "kernel.unprivileged_bpf_disabled":
		if value == 0 {
			return warning(check, "0: every user may load BPF programs", set(2)), true
		}
	case "net.ipv4.ip_no_pmtu_disc":
		if value != 0 {
			return problem(check, is+": UDP sockets do not learn from ICMP errors, so that a clamped sender never hears of it", set(0)), true
		}
	default:
		return Finding{}, false
	}
	return ok(check, "%s", is), true
}

// reversePath judges what holds for a device: the larger of its own rp_filter and that of all.
func (f Facts) reversePath(device string) []Finding {
	name := rpFilter(device)
	own, there := f.number(name)
	all, _ := f.number("net.ipv4.conf.all.rp_filter")
	switch holds := max(own, all); {
	case !there:
		return nil
	case holds == 1:
		cure := fmt.Sprintf("sysctl -w %s=2", name)
		return []Finding{warning("sysctl "+name, "1 (strict): packets of clients that are reached by another device are dropped, and so are the errors that the data plane reflects in their name", cure)}
	default:
		return []Finding{ok("sysctl "+name, "%d", holds)}
	}
}
