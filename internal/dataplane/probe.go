package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
)

// probe asks the kernel for everything that a load needs, so that what is missing is named before anything is changed.
func probe() error {
	for _, need := range []struct {
		since, what string
		have        error
	}{
		{"4.1", "tc programs", features.HaveProgramType(ebpf.SchedCLS)},
		{"4.11", "maps of type lpm trie", features.HaveMapType(ebpf.LPMTrie)},
		{"4.12", "arrays of maps", features.HaveMapType(ebpf.ArrayOfMaps)},
		{"4.10", "hashes that forget the least recently used", features.HaveMapType(ebpf.LRUHash)},
		{"5.5", "arrays mapped into memory", features.HaveMapFlag(features.BPF_F_MMAPABLE)},
	} {
		if errors.Is(need.have, ebpf.ErrNotSupported) {
			return unsupported(need.since, need.what, need.have)
		}
		if need.have != nil {
			return explain("ask the kernel for "+need.what, need.have)
		}
	}
	return nil
}

// choose makes of ModeAuto what the kernel has.
func (m Mode) choose() (Mode, error) {
	if m != ModeAuto && m != ModeTCX && m != ModeClsact {
		return m, fmt.Errorf("attach by %q: no such way: use %s, %s or %s", m, ModeAuto, ModeTCX, ModeClsact)
	}
	if m == ModeClsact {
		return m, nil
	}
	err := haveTCX()
	switch {
	case err == nil:
		return ModeTCX, nil
	case !errors.Is(err, ErrUnsupported):
		return m, explain("ask for tcx", err)
	case m == ModeTCX:
		return m, fmt.Errorf("%w, or attach by clsact", unsupported("6.6", "tcx", err))
	}
	return ModeClsact, nil
}
