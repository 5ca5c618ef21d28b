package doctor

import (
	"errors"

	"quicedge/internal/dataplane"
)

// capabilities are those that commands use, with what for.
func capabilities() []capability {
	return []capability{
		{"CAP_BPF", "load, unload, change tables", Problem},
		{"CAP_NET_ADMIN", "load, unload", Problem},
		{"CAP_SYS_ADMIN", "mount a BPF file system, ns a packet in top, the settings of the loaded programs in status", Warning},
		{"CAP_NET_BIND_SERVICE", "a node on a port below 1024", Warning},
	}
}

type capability struct {
	name, use string
	lack      Level // how bad it is to be without
}

func (f Facts) rights() (found []Finding) {
	for _, c := range capabilities() {
		check := "capability " + c.name
		switch {
		case f.Capabilities[c.name]:
			found = append(found, ok(check, "%s", c.use))
		case c.lack == Problem:
			found = append(found, problem(check, "not in effect: "+c.use, "sudo quicedge doctor, or grant it: AmbientCapabilities=CAP_BPF CAP_NET_ADMIN in the systemd unit"))
		default:
			found = append(found, warning(check, "not in effect: "+c.use, "sudo quicedge COMMAND, where you need it"))
		}
	}
	return found
}

func (f Facts) pins() []Finding {
	p := f.Pins
	found := []Finding{ok("bpffs", "%s is on a BPF file system", p.Dir)}
	if !p.OnBPFFS {
		const mount = "mount -t bpf bpf /sys/fs/bpf"
		found[0] = problem("bpffs", p.Dir+" is on no BPF file system", mount)
		if p.Mountable && f.Capabilities["CAP_SYS_ADMIN"] {
			found[0] = warning("bpffs", "no BPF file system is mounted: the next load mounts one", mount)
		}
		return found
	}
	return append(found, pinFolder(p))
}

func pinFolder(p dataplane.PinFolder) Finding {
	const check = "pin folder"
	switch {
	case !p.Exists:
		return ok(check, "%s: nothing is loaded", p.Dir)
	case p.Owned != nil && errors.Is(p.Owned, dataplane.ErrNotPermitted):
		return warning(check, p.Owned.Error(), "sudo quicedge doctor")
	case p.Owned != nil:
		return problem(check, p.Owned.Error(), "chown root "+p.Dir+" && chmod 0700 "+p.Dir)
	case errors.Is(p.Opened, dataplane.ErrIncompatible):
		return problem(check, p.Opened.Error(), "quicedge unload --iface IF && quicedge load --iface IF --prefixes CSV")
	case errors.Is(p.Opened, dataplane.ErrNotPermitted):
		return warning(check, p.Opened.Error(), "sudo quicedge doctor")
	case p.Opened != nil:
		return warning(check, p.Opened.Error(), "quicedge load --iface IF --prefixes CSV")
	}
	return ok(check, "%s, mode 0700", p.Dir)
}
