package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"quicedge/bpf"
)

// Attachment is one program at one hook of one device.
type Attachment struct {
	Interface string // name at the time of the load
	Index     int    // of the device; 0 where it is gone
	Hook      string // "ingress" or "egress"
	ProgramID uint32
}

// hook is a place where a program is attached.
type hook struct {
	name    string
	attach  ebpf.AttachType
	program func(*bpf.DataplanePrograms) *ebpf.Program
}

func hooks() []hook {
	return []hook{
		{"ingress", ebpf.AttachTCXIngress, func(p *bpf.DataplanePrograms) *ebpf.Program { return p.QeIngress }},
		{"egress", ebpf.AttachTCXEgress, func(p *bpf.DataplanePrograms) *ebpf.Program { return p.QeEgress }},
	}
}

// gone reports whether an error says that the device of a link is no more.
func gone(err error) bool { return errors.Is(err, unix.ENOLINK) || errors.Is(err, unix.ENODEV) }

// attach attaches the programs to a device and pins the links, so that both appear under the device's name at once. They
// are the first of their hook: they let everything through that they do not drop, and a program before them that decides
// for itself would hide packets from them.
func attach(pinDir string, dev device, programs *bpf.DataplanePrograms, step func(string)) (err error) {
	dir := filepath.Join(pinDir, linksDir, stagedName(""))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return explain("make "+dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, takeDownLinks(dir))
		}
	}()
	for _, h := range hooks() {
		l, err := link.AttachTCX(link.TCXOptions{Interface: dev.index, Program: h.program(programs), Attach: h.attach, Anchor: link.Head()})
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
	return explain("place links of "+dev.name, os.Rename(dir, linkPins(pinDir, dev.name)))
}

// linked is a pinned link.
type linked struct {
	Attachment
	hook hook
	id   link.ID
	link link.Link
}

// openLinks opens every pinned link. The caller closes them.
func openLinks(pinDir string) (all []linked, err error) {
	devices, err := os.ReadDir(filepath.Join(pinDir, linksDir))
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if strings.HasPrefix(d.Name(), staged) {
			continue
		}
		for _, h := range hooks() {
			l, err := openLink(pinDir, deviceName(d.Name()), h)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				closeLinks(all)
				return nil, err
			}
			all = append(all, l)
		}
	}
	return all, nil
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
	a := Attachment{Interface: device, Hook: h.name, ProgramID: uint32(info.Program)}
	if tcx := info.TCX(); tcx != nil {
		a.Index = int(tcx.Ifindex)
	}
	return linked{a, h, info.ID, l}, nil
}

func closeLinks(all []linked) {
	for _, l := range all {
		l.link.Close()
	}
}

// inForce reports whether a device has both links, alive. Links that are alive elsewhere, of a device of the same name in
// another network namespace, are an error: a pin folder serves one namespace.
func inForce(all []linked, dev device) (bool, error) {
	n := 0
	for _, l := range all {
		if l.Interface != dev.name || l.Index == 0 {
			continue
		}
		q, err := link.QueryPrograms(link.QueryOptions{Target: dev.index, Attach: l.hook.attach})
		if err != nil {
			return false, explain("ask what is attached to "+dev.name, err)
		}
		if !slices.ContainsFunc(q.Programs, func(p link.AttachedProgram) bool { id, _ := p.LinkID(); return id == l.id }) {
			return false, fmt.Errorf("attach to %s: a device of that name, index %d, is attached in another network namespace: give each namespace a pin folder of its own", dev.name, l.Index)
		}
		n++
	}
	return n == len(hooks()), nil
}
