package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// probe asks the kernel for everything that a load needs, so that what is missing is named before anything is changed.
func probe(dev device) error {
	if err := features.HaveProgramType(ebpf.SchedCLS); err != nil {
		return explain("load a tc program", err)
	}
	for _, kind := range []ebpf.MapType{ebpf.LPMTrie, ebpf.ArrayOfMaps, ebpf.PerCPUArray} {
		if err := features.HaveMapType(kind); err != nil {
			return explain(fmt.Sprintf("make a map of type %s", kind), err)
		}
	}
	if err := features.HaveMapFlag(features.BPF_F_MMAPABLE); err != nil {
		return explain("map an array into memory", err)
	}
	return probeTCX(dev)
}

// probeTCX asks what is attached to a device: kernels without TCX do not know the question.
func probeTCX(dev device) error {
	_, err := link.QueryPrograms(link.QueryOptions{Target: dev.index, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("%w (%w)", ebpf.ErrNotSupported, err)
	}
	return explain("attach tcx to "+dev.name, err)
}
