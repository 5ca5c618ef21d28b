package dataplane

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cilium/ebpf"

	"quicedge/bpf"
)

// programs are those of one load. What is attached is there twice: for packets that begin with an Ethernet header, and for
// those of tunnels and the like, which begin with the IP header.
type programs struct {
	bpf.DataplanePrograms
	layer3
}

type layer3 struct {
	Ingress *ebpf.Program `ebpf:"qe_ingress_l3"`
	Egress  *ebpf.Program `ebpf:"qe_egress_l3"`
}

func (p *programs) ingress(dev device) *ebpf.Program {
	if dev.layer3 {
		return p.layer3.Ingress
	}
	return p.QeIngress
}

func (p *programs) egress(dev device) *ebpf.Program {
	if dev.layer3 {
		return p.layer3.Egress
	}
	return p.QeEgress
}

func (p *programs) close() error {
	return errors.Join(p.DataplanePrograms.Close(), p.layer3.Ingress.Close(), p.layer3.Egress.Close())
}

// programFields names what is pinned under progs.
func programFields(p *programs) map[string]**ebpf.Program {
	all := named[ebpf.Program](&p.DataplanePrograms)
	for name, field := range named[ebpf.Program](&p.layer3) {
		all[name] = field
	}
	return all
}

// loadLayer3 loads the programs for packets without a link layer header, on the maps of the others; the other constants are
// set in spec.
func loadLayer3(spec *ebpf.CollectionSpec, maps *bpf.DataplaneMaps) (p layer3, err error) {
	spec = spec.Copy()
	if err := spec.Variables[bpf.DataplaneVarLinkHeader].Set(uint8(0)); err != nil {
		return p, err
	}
	ingress, egress := spec.Programs[bpf.DataplaneProgQeIngress], spec.Programs[bpf.DataplaneProgQeEgress]
	ingress.Name, egress.Name = "qe_ingress_l3", "qe_egress_l3"
	spec.Programs = map[string]*ebpf.ProgramSpec{ingress.Name: ingress, egress.Name: egress}
	err = spec.LoadAndAssign(&p, &ebpf.CollectionOptions{MapReplacements: replacements(maps)})
	return p, explain("load programs for packets without a link layer header", err)
}

// openPrograms opens the pinned programs.
func openPrograms(dir string) (p programs, err error) {
	for name, field := range programFields(&p) {
		pin := progPin(dir, name)
		*field, err = ebpf.LoadPinnedProgram(pin, nil)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("open %s: %w: run quicedge unload, then quicedge load", pin, ErrIncompatible)
		}
		if err != nil {
			return p, errors.Join(explain("open the pinned programs", err), p.close())
		}
	}
	return p, nil
}
