package node

import (
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/privilege"
)

// Reload reads tables, overrides, certificate and ticket keys again, and logs the outcome. What cannot be read stays as it was. It is one
// of the two things for which a serving node raises what it kept: to read the operator's files wherever they lie, and to make a new
// prefix table, which is a new map.
func (n *Node) Reload() (changed int, err error) {
	privilege.With(func() {
		if n.cfg.Cert != "" {
			n.logReload("certificate", n.cert.Reload())
		}
		if n.resume.shared != nil {
			n.logReload("ticket keys", n.resume.shared.Reload())
		}
		changed, err = n.loop.Reload()
	}, cap.BPF, cap.DAC_READ_SEARCH)
	n.logReload("tables", err, "changed", changed)
	return changed, err
}

func (n *Node) logReload(what string, err error, args ...any) {
	if err != nil {
		n.log.Error("reload of "+what+" refused, the old state stays: mend it and send SIGHUP", append(args, "error", err)...)
		return
	}
	n.log.Info("reloaded "+what, args...)
}
