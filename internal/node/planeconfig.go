package node

import (
	"quicedge/internal/config"
	"quicedge/internal/control"
	"quicedge/internal/dataplane"
	"quicedge/internal/statedir"
)

// Sources is what the settings say of the sources of a Snapshot.
func Sources(cfg config.Config) (control.Files, error) {
	nat, err := cfg.NATTimeouts()
	return control.Files{Table: cfg.Table, Prefixes: cfg.Prefixes, State: statedir.At(cfg.StateDir), NATTimeouts: nat}, err
}

// PlaneConfig is what the settings say of a data plane on devices. Its ports are those of the settings, none where they
// name none.
func PlaneConfig(cfg config.Config, interfaces ...string) (dp dataplane.Config, err error) {
	dp = dataplane.Config{
		PinDir:     cfg.PinDir,
		Interfaces: interfaces,
		Mode:       dataplane.Mode(cfg.AttachMode),
		TableKind:  dataplane.TableKind(cfg.TableKind),
		NoScreen:   !cfg.Screen,
	}
	if dp.Ports, err = cfg.UDPPorts(); err != nil {
		return dp, err
	}
	if dp.MarkMask, err = cfg.MarkMask(); err != nil {
		return dp, err
	}
	dp.PriorityMajor, err = cfg.PriorityMajor()
	return dp, err
}
