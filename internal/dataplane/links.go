package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Attachment is one program at one hook of one device.
type Attachment struct {
	Interface string // name at the time of the load
	Index     int    // of the device; 0 where it is gone. By clsact in another network namespace, where nobody can look: what it was
	Hook      string // "ingress" or "egress"
	ProgramID uint32
	Mode      Mode // ModeTCX or ModeClsact
}

// hook is a place where a program is attached.
type hook struct {
	name    string
	attach  ebpf.AttachType // by TCX
	parent  uint32          // in the clsact qdisc
	program func(*programs, device) *ebpf.Program
}

func hooks() []hook {
	return []hook{
		{"ingress", ebpf.AttachTCXIngress, netlink.HANDLE_MIN_INGRESS, (*programs).ingress},
		{"egress", ebpf.AttachTCXEgress, netlink.HANDLE_MIN_EGRESS, (*programs).egress},
	}
}

// attached is a device that has a folder among the links.
type attached struct {
	name  string
	mode  Mode
	site  site // by clsact
	links []linked
}

// linked is a program at a hook: held by a TCX link, or by a clsact filter.
type linked struct {
	Attachment
	hook hook
	held
}

type held interface {
	replace(*ebpf.Program) error
	close() error
}

// index is that of the device where any program is attached to it, 0 where it is gone.
func (a attached) index() int {
	for _, l := range a.links {
		if l.Index != 0 {
			return l.Index
		}
	}
	return 0
}

// openAttached opens what is attached to every device. The caller closes it.
func (n network) openAttached(pinDir string) (all []attached, err error) {
	devices, err := os.ReadDir(filepath.Join(pinDir, linksDir))
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if strings.HasPrefix(d.Name(), staged) {
			continue
		}
		a, err := n.openDevice(pinDir, deviceName(d.Name()))
		if err != nil {
			return nil, errors.Join(err, closeAttached(all))
		}
		all = append(all, a)
	}
	return all, nil
}

func (n network) openDevice(pinDir, name string) (a attached, err error) {
	dir := linkPins(pinDir, name)
	at, clsact, err := siteOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return attached{name: name, mode: ModeTCX}, nil
	}
	if err != nil {
		return a, explain("open the links of "+name, err)
	}
	a = attached{name: name, mode: ModeTCX, site: at}
	if clsact {
		a.mode = ModeClsact
	}
	for _, h := range hooks() {
		var l linked
		if clsact {
			l, err = n.openFilter(pinDir, name, at, h)
		} else {
			l, err = openLink(pinDir, name, h)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return a, errors.Join(err, closeAttached([]attached{a}))
		}
		a.links = append(a.links, l)
	}
	return a, nil
}

func closeAttached(all []attached) (err error) {
	for _, a := range all {
		for _, l := range a.links {
			err = errors.Join(err, l.close())
		}
	}
	return err
}

// openFilter is openLink for clsact. A filter that is gone is one of a device that is gone.
func (n network) openFilter(pinDir, device string, at site, h hook) (linked, error) {
	dir := linkPins(pinDir, device)
	ids, err := pinnedIDs(dir, h)
	if err != nil {
		return linked{}, err
	}
	if len(ids) == 0 {
		return linked{}, fs.ErrNotExist
	}
	l := linked{Attachment{device, at.index, h.name, uint32(ids[0]), ModeClsact}, h, filter{network: n, pinDir: pinDir, dir: dir, hook: h}}
	if at.cookie != n.cookie {
		return l, nil
	}
	f, err := n.find(at.index, h, ids)
	if err != nil {
		return linked{}, explain(fmt.Sprintf("list %s filters of %s", h.name, device), err)
	}
	if f == nil {
		l.Index = 0
		return l, nil
	}
	l.ProgramID = uint32(f.Id)
	l.held = filter{n, pinDir, dir, h, f.FilterAttrs}
	return l, nil
}

// serves reports whether a device has both its programs. What is in force elsewhere, on a device of the same name in another
// network namespace, is an error: a pin folder serves one namespace.
func (n network) serves(a attached, dev device) (bool, error) {
	elsewhere := fmt.Errorf("attach to %s: a device of that name, index %d, is attached in another network namespace: give each namespace a pin folder of its own; if that one is gone, run quicedge unload --iface %s first",
		dev.name, a.index(), dev.name)
	if a.mode == ModeClsact && a.site.cookie != n.cookie {
		return false, elsewhere
	}
	alive := 0
	for _, l := range a.links {
		if l.Index == 0 {
			continue
		}
		if t, ok := l.held.(tcxLink); ok {
			here, err := t.on(dev, l.hook)
			if err != nil {
				return false, err
			}
			if !here {
				return false, elsewhere
			}
		}
		if l.Index == dev.index {
			alive++
		}
	}
	return alive == len(hooks()), nil
}

// attach attaches the programs to a device and pins what holds them in a folder under links whose name says that it is not
// ready; it returns that folder. made says that the device's clsact qdisc is ours already.
func (l *loader) attach(pinDir string, dev device, p *programs, made bool) (dir string, err error) {
	dir = filepath.Join(pinDir, linksDir, stagedName(""))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", explain("make "+dir, err)
	}
	if l.Mode == ModeTCX {
		err = attachTCX(dir, dev, p, l.step)
	} else {
		err = l.attachClsact(l.PinDir, dir, dev, p, made, l.step)
	}
	if err != nil {
		return "", errors.Join(err, l.takeDownLinks(dir))
	}
	return dir, nil
}

// settle gives a device's folder its name, in one step. Where another has it already, the two change names.
func settle(dir, pinDir, device string) (swapped bool, err error) {
	to := linkPins(pinDir, device)
	err = unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		return false, explain("place links of "+device, os.Rename(dir, to))
	}
	return err == nil, explain("place links of "+device, err)
}

// pinCopy pins a program under one more name, which the program's own descriptor would refuse.
func pinCopy(p *ebpf.Program, pin string) error {
	again, err := p.Clone()
	if err != nil {
		return explain("pin "+pin, err)
	}
	return explain("pin "+pin, errors.Join(again.Pin(pin), again.Close()))
}
