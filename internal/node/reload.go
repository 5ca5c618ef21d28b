package node

import (
	"errors"
	"fmt"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/privilege"
)

// Reload reads tables, overrides, certificate, ticket keys, pipelines and models again, and logs the outcome. What cannot be read stays as it was, and is in
// the error; the rest is in force. It is one of the two things for which a serving node raises what it kept: to read the operator's
// files wherever they lie, and to make a new prefix table, which is a new map. A process that takes over may have read before: it is made to
// read again.
func (n *Node) Reload() (changed int, err error) {
	n.reloads.Add(1)
	defer func() {
		if n.handed.Load() {
			err = errors.Join(err, n.reloadHeir())
		}
	}()
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
	if n.video != nil {
		err = errors.Join(err, n.logReload("pipelines and models", n.video.reload(n.life)))
	}
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

// reloadHeir makes the process that has taken over do what SIGHUP does, without waiting for it.
func (n *Node) reloadHeir() error {
	if err := syscall.Kill(int(n.heir.Load()), syscall.SIGHUP); err != nil {
		return fmt.Errorf("tell the process that has taken over to reload: %w: run quicedge reload", err)
	}
	return nil
}
