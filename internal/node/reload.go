package node

import (
	"errors"
	"fmt"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/privilege"
)

// Reload reads tables, overrides, certificate and ticket keys again, and logs the outcome. What cannot be read stays as it was, and is in
// the error; the rest is in force. It is one of the two things for which a serving node raises what it kept: to read the operator's
// files wherever they lie, and to make a new prefix table, which is a new map.
func (n *Node) Reload() (changed int, err error) {
	privilege.With(func() {
		if n.cfg.Cert != "" {
			err = n.logReload("certificate", n.cert.Reload())
		}
		if n.resume.shared != nil {
			err = errors.Join(err, n.logReload("ticket keys", n.resume.shared.Reload()))
		}
		var tables error
		changed, tables = n.loop.Reload()
		err = errors.Join(err, n.logReload("tables", tables, "changed", changed))
	}, cap.BPF, cap.DAC_READ_SEARCH)
	return changed, err
}

// logReload returns the error that it has logged.
func (n *Node) logReload(what string, err error, args ...any) error {
	if err != nil {
		n.log.Error("reload of "+what+" refused, the old state stays: mend it and send SIGHUP", append(args, "error", err)...)
		return fmt.Errorf("reload of %s refused, the old state stays: %w", what, err)
	}
	n.log.Info("reloaded "+what, args...)
	return nil
}
