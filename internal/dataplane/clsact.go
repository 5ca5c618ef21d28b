package dataplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Where our filters are among those of a device: before all others where that can be had, since a filter before them that
// decides for itself would hide packets from them.
const (
	firstPriority = 1
	firstHandle   = 0x5145
)

// filterName is what tc filter show calls our filter: it tells who attached it, and from which pin folder.
func filterName(h hook, pinDir string) string {
	name := "quicedge/qe_" + h.name + " " + pinDir
	return name[:min(len(name), 255)] // CLS_BPF_NAME_LEN
}

// clsactPin is the pin of a program that a filter of ours runs. It is there before the filter and goes after it, and keeps
// the program's number from being given to another: a filter that runs a program of such a pin is ours, and no other is.
func clsactPin(dir string, h hook) string { return filepath.Join(dir, "clsact_"+h.name) }

// filter is one of ours.
type filter struct {
	network
	pinDir string
	dir    string // of the device's pins
	hook   hook
	at     netlink.FilterAttrs
}

// replace puts another program in the filter's place in one step. Both are pinned while it happens.
func (f filter) replace(p *ebpf.Program) error {
	fresh := stagedName(clsactPin(f.dir, f.hook))
	if err := pinCopy(p, fresh); err != nil {
		return err
	}
	next := &netlink.BpfFilter{FilterAttrs: f.at, Fd: p.FD(), Name: filterName(f.hook, f.pinDir), DirectAction: true}
	if err := f.FilterReplace(next); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := os.Rename(fresh, clsactPin(f.dir, f.hook)); err != nil {
		return err
	}
	for _, old := range leftovers(f.dir, filepath.Base(clsactPin("", f.hook))+staged) {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	return nil
}

func (f filter) close() error { return nil }

// attachClsact adds our filters to a device and pins what tells that they are ours in dir. made says that the qdisc, where
// there is one, is ours already.
func (n network) attachClsact(pinDir, dir string, dev device, p *programs, made bool, step func(string)) error {
	if err := n.ensureQdisc(dir, site{n.cookie, dev.index, made}, step); err != nil {
		return explain("add a clsact qdisc to "+dev.name, err)
	}
	for _, h := range hooks() {
		program := h.program(p, dev)
		if err := pinCopy(program, clsactPin(dir, h)); err != nil {
			return err
		}
		step("pinned " + h.name)
		at, err := n.freePlace(dev.index, h)
		if err != nil {
			return explain(fmt.Sprintf("list %s filters of %s", h.name, dev.name), err)
		}
		f := &netlink.BpfFilter{FilterAttrs: at, Fd: program.FD(), Name: filterName(h, pinDir), DirectAction: true}
		if err := n.FilterAdd(f); err != nil {
			return explain(fmt.Sprintf("attach a clsact %s filter to %s", h.name, dev.name), missingModule(err))
		}
		step("attached " + h.name)
	}
	return nil
}

// ensureQdisc writes down where the filters will be, and makes the qdisc that they need where there is none.
func (n network) ensureQdisc(dir string, at site, step func(string)) error {
	has, err := n.hasClsact(at.index)
	if err != nil {
		return err
	}
	if has {
		return os.Mkdir(filepath.Join(dir, at.String()), 0o700)
	}
	at.made = true
	if err := os.Mkdir(filepath.Join(dir, at.String()), 0o700); err != nil {
		return err
	}
	step("wrote down the place")
	if err := n.QdiscAdd(clsactQdisc(at.index)); err != nil {
		return missingModule(err)
	}
	step("made the qdisc")
	return nil
}

func clsactQdisc(index int) *netlink.Clsact {
	return &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
}

// missingModule names what a kernel lacks that does not know a qdisc or a classifier.
func missingModule(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return unsupported("4.5", "the modules sch_ingress and cls_bpf", err)
	}
	return err
}

// hasClsact tells whether a device has the qdisc. The older ingress qdisc takes its place and has no egress: an error.
func (n network) hasClsact(index int) (bool, error) {
	all, err := retried(func() ([]netlink.Qdisc, error) { return n.QdiscList(byIndex(index)) })
	if err != nil {
		return false, err
	}
	for _, q := range all {
		switch q.Type() {
		case "clsact":
			return true, nil
		case "ingress":
			return false, errors.New("an ingress qdisc is in its place: replace that one by clsact (tc qdisc del dev IF ingress), or attach by tcx")
		}
	}
	return false, nil
}

// freePlace finds the first place that no other filter has. A filter of another kind, or for one protocol only, keeps its
// priority for itself.
func (n network) freePlace(index int, h hook) (at netlink.FilterAttrs, err error) {
	at = netlink.FilterAttrs{LinkIndex: index, Parent: h.parent, Protocol: unix.ETH_P_ALL, Priority: firstPriority, Handle: firstHandle}
	all, err := n.filters(index, h)
	if err != nil {
		return at, err
	}
	slices.SortStableFunc(all, func(a, b netlink.Filter) int { return int(a.Attrs().Priority) - int(b.Attrs().Priority) })
	for _, f := range all {
		a := f.Attrs()
		if a.Priority == at.Priority && (f.Type() != "bpf" || a.Protocol != at.Protocol) {
			at.Priority++
		}
	}
	taken := func(f netlink.Filter) bool { return f.Attrs().Priority == at.Priority && f.Attrs().Handle == at.Handle }
	for slices.ContainsFunc(all, taken) {
		at.Handle++
	}
	return at, nil
}

func (n network) filters(index int, h hook) ([]netlink.Filter, error) {
	return retried(func() ([]netlink.Filter, error) { return n.FilterList(byIndex(index), h.parent) })
}

// find returns our filter at a hook: the one that runs one of the programs. nil where there is none.
func (n network) find(index int, h hook, ids []ebpf.ProgramID) (*netlink.BpfFilter, error) {
	all, err := n.filters(index, h)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if ours, ok := f.(*netlink.BpfFilter); ok && slices.Contains(ids, ebpf.ProgramID(ours.Id)) {
			return ours, nil
		}
	}
	return nil, nil
}

// detachClsact takes our filters off, and the qdisc where we made it and nothing else uses it.
func (n network) detachClsact(dir string, at site) error {
	if at.cookie != n.cookie {
		return nil // it cannot be reached, and is gone if its namespace is
	}
	left := 0
	for _, h := range hooks() {
		ids, err := pinnedIDs(dir, h)
		if err != nil {
			return err
		}
		for f, err := n.find(at.index, h, ids); f != nil || err != nil; f, err = n.find(at.index, h, ids) {
			if err == nil {
				err = n.FilterDel(f)
			}
			if err != nil {
				return explain(fmt.Sprintf("remove our %s filter", h.name), err)
			}
		}
		all, err := n.filters(at.index, h)
		if err != nil {
			return err
		}
		left += len(all)
	}
	if !at.made || left > 0 {
		return nil
	}
	has, err := n.hasClsact(at.index)
	if err != nil || !has {
		return nil // it was replaced, or went with its device
	}
	return explain("remove our clsact qdisc", n.QdiscDel(clsactQdisc(at.index)))
}

// removeOrphans removes filters that this pin folder's loads made, and whose pins somebody removed by hand.
func (n network) removeOrphans(pinDir string, dev device) error {
	for _, h := range hooks() {
		known, err := knownIDs(pinDir, h)
		if err != nil {
			return err
		}
		all, err := n.filters(dev.index, h)
		if err != nil {
			return explain(fmt.Sprintf("list %s filters of %s", h.name, dev.name), err)
		}
		for _, f := range all {
			b, ok := f.(*netlink.BpfFilter)
			if !ok || b.Name != filterName(h, pinDir) || slices.Contains(known, ebpf.ProgramID(b.Id)) {
				continue
			}
			if err := n.FilterDel(b); err != nil {
				return explain(fmt.Sprintf("remove a %s filter that lost its pins from %s", h.name, dev.name), err)
			}
		}
	}
	return nil
}

// knownIDs returns the programs of every filter that has a pin in the folder, or in one that is being built beside it.
func knownIDs(pinDir string, h hook) (all []ebpf.ProgramID, err error) {
	folders := append(leftovers(filepath.Dir(pinDir), filepath.Base(pinDir)+staged), pinDir)
	for _, folder := range folders {
		for _, dir := range leftovers(filepath.Join(folder, linksDir), "") {
			ids, err := pinnedIDs(dir, h)
			if err != nil {
				return nil, err
			}
			all = append(all, ids...)
		}
	}
	return all, nil
}

// pinnedIDs returns the programs that a device's folder knows as those of our filter at a hook: one, and while it is being
// replaced two.
func pinnedIDs(dir string, h hook) (ids []ebpf.ProgramID, err error) {
	for _, pin := range leftovers(dir, filepath.Base(clsactPin("", h))) {
		p, err := ebpf.LoadPinnedProgram(pin, nil)
		if err != nil {
			return nil, explain("open "+pin, err)
		}
		info, err := p.Info()
		if err := errors.Join(err, p.Close()); err != nil {
			return nil, explain("ask for "+pin, err)
		}
		id, _ := info.ID()
		ids = append(ids, id)
	}
	return ids, nil
}

// byIndex is a device as netlink's lists want it.
func byIndex(index int) netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}
}

// dumps is how often a list is asked for that changes while it is read.
const dumps = 20

func retried[T any](list func() ([]T, error)) (all []T, err error) {
	for range dumps {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

// isClsact reports whether a file among a device's pins is a program of a filter.
func isClsact(name string) bool { return strings.HasPrefix(name, filepath.Base(clsactPin("", hook{}))) }
