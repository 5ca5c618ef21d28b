package dataplane

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// tcxLink is a pinned link.
type tcxLink struct {
	link link.Link
	id   link.ID
}

// replace puts another program in the place of the link's, in one step. A device that went meanwhile is no error.
func (t tcxLink) replace(p *ebpf.Program) error {
	if err := t.link.Update(p); err != nil && !gone(err) {
		return err
	}
	return nil
}

func (t tcxLink) close() error { return t.link.Close() }

// gone reports whether an error says that the device of a link is no more.
func gone(err error) bool { return errors.Is(err, unix.ENOLINK) || errors.Is(err, unix.ENODEV) }

// on reports whether the link is one of this very device, in the calling thread's network namespace.
func (t tcxLink) on(dev device, h hook) (bool, error) {
	q, err := link.QueryPrograms(link.QueryOptions{Target: dev.index, Attach: h.attach})
	if err != nil {
		return false, explain("ask what is attached to "+dev.name, err)
	}
	return slices.ContainsFunc(q.Programs, func(p link.AttachedProgram) bool { id, _ := p.LinkID(); return id == t.id }), nil
}

// attachTCX attaches the programs to a device and pins the links in dir. They are the first of their hook: they let everything
// through that they do not drop, and a program before them that decides for itself would hide packets from them.
func attachTCX(dir string, dev device, p *programs, step func(string)) error {
	for _, h := range hooks() {
		l, err := link.AttachTCX(link.TCXOptions{Interface: dev.index, Program: h.program(p, dev), Attach: h.attach, Anchor: link.Head()})
		if err != nil {
			return explain(fmt.Sprintf("attach tcx %s on %s", h.name, dev.name), err)
		}
		defer l.Close()
		step("attached " + h.name)
		if err := l.Pin(filepath.Join(dir, h.name)); err != nil {
			return explain("pin link "+h.name, err)
		}
		step("pinned " + h.name)
	}
	return nil
}

func openLink(pinDir, device string, h hook) (linked, error) {
	l, err := link.LoadPinnedLink(filepath.Join(linkPins(pinDir, device), h.name), nil)
	if err != nil {
		return linked{}, explain(fmt.Sprintf("open link %s of %s", h.name, device), err)
	}
	info, err := l.Info()
	if err != nil {
		return linked{}, errors.Join(explain(fmt.Sprintf("ask link %s of %s", h.name, device), err), l.Close())
	}
	a := Attachment{Interface: device, Hook: h.name, ProgramID: uint32(info.Program), Mode: ModeTCX}
	if tcx := info.TCX(); tcx != nil {
		a.Index = int(tcx.Ifindex)
	}
	return linked{a, h, tcxLink{l, info.ID}}, nil
}
