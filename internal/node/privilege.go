package node

import (
	"fmt"
	"os"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/privilege"
	"quicedge/internal/quicsrv"
)

// dropPrivilege gives up all capabilities but what Reload and watch raise for a moment, and makes sure that the node can still read
// what it serves: root without capabilities may not look into other users' folders.
func (n *Node) dropPrivilege() error {
	keep := []cap.Value{cap.DAC_READ_SEARCH}
	if n.plane.plane != nil {
		keep = append(keep, cap.BPF, cap.NET_ADMIN)
	}
	if n.steers.generation != nil && n.sockets.Addr().Port() < 1024 {
		keep = append(keep, cap.NET_BIND_SERVICE) // for the process that an upgrade starts
	}
	root, err := openRoot(n.cfg.Root)
	if err != nil {
		return err
	}
	if root != nil {
		defer root.Close()
	}
	if err := privilege.Drop(keep...); err != nil {
		return err
	}
	if root != nil {
		if _, err := root.Stat("."); err != nil {
			return fmt.Errorf("serve %s without privilege: %w; let the node's user read it (chmod o+rx), or run the node as its owner", n.cfg.Root, err)
		}
	}
	n.watchCertificate()
	n.watchKeys()
	n.watchVideo()
	return nil
}

// openRoot returns nil for no folder.
func openRoot(dir string) (*os.Root, error) {
	if dir == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open root: %w", err)
	}
	return root, nil
}

// watchCertificate takes in renewals by itself where the files can be read without privilege.
func (n *Node) watchCertificate() {
	if n.cfg.Cert == "" {
		return
	}
	for _, name := range []string{n.cfg.Cert, n.cfg.Key} {
		f, err := os.Open(name)
		if err != nil {
			n.log.Warn("a renewed certificate is not taken in by itself: send SIGHUP after a renewal, or let the node's user read it", "error", err)
			return
		}
		f.Close()
	}
	go n.cert.Watch(n.life, quicsrv.WatchEvery, func(err error) { n.logReload("certificate", err) })
}
