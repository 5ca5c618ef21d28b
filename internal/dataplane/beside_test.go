package dataplane

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// other is somebody else's program: it counts what it sees, and returns a verdict.
type other struct {
	program *ebpf.Program
	seen    *ebpf.Map
}

func newOther(t *testing.T, verdict int32) other {
	t.Helper()
	seen, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, License: "MIT",
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R1, 0),
			asm.StoreMem(asm.RFP, -4, asm.R1, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, seen.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.Mov.Imm(asm.R1, 1),
			asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, verdict).WithSymbol("out"),
			asm.Return(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close(); seen.Close() })
	return other{program, seen}
}

func (f other) count(t *testing.T) (n uint64) {
	t.Helper()
	if err := f.seen.Lookup(uint32(0), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// attachTo attaches it at egress of a device.
func (f other) attachTo(l *lab, device string, mode Mode, priority uint16) {
	l.t.Helper()
	l.inNetwork(func(n network) error {
		dev, err := findDevice(device)
		if err != nil {
			return err
		}
		if mode == ModeTCX {
			held, err := link.AttachTCX(link.TCXOptions{Interface: dev.index, Program: f.program, Attach: ebpf.AttachTCXEgress})
			if err == nil {
				l.t.Cleanup(func() { held.Close() })
			}
			return err
		}
		if has, err := n.hasClsact(dev.index); err != nil || !has {
			if err := n.QdiscAdd(clsactQdisc(dev.index)); err != nil {
				return err
			}
		}
		return n.FilterAdd(&netlink.BpfFilter{
			FilterAttrs:  netlink.FilterAttrs{LinkIndex: dev.index, Parent: netlink.HANDLE_MIN_EGRESS, Protocol: unix.ETH_P_ALL, Priority: priority, Handle: firstHandle},
			Fd:           f.program.FD(),
			Name:         "foreign",
			DirectAction: true,
		})
	})
}

// Somebody else's program that decides for itself is not touched by us, and packets that ours lets go on come to it. Where ours
// can come first it does: in a TCX hook, in a qdisc that TCX has no say in, and in one that other filters use.
func TestForeignProgramsStayAndRun(t *testing.T) {
	for _, ours := range modes(t) {
		for _, theirs := range modes(t) {
			t.Run(string(ours)+" beside "+string(theirs), func(t *testing.T) {
				l := newLab(t)
				l.cfg.Mode = ours
				f := newOther(t, 0) // TC_ACT_OK
				f.attachTo(l, "edge0", theirs, 1)
				p := l.mustLoad(testSnapshot(t))
				rx, tx := l.listen(harbin4), l.dial(harbin4, unix.IP_PMTUDISC_DO)
				before := f.count(t)
				write(t, tx, 1000)
				receive(t, rx)
				if got := f.count(t); got == before {
					t.Error("the foreign program has not seen a packet that ours let go on")
				}
				hidden := ours == ModeClsact && theirs == ModeTCX // which comes before any qdisc
				if got := counted(t, p, "egress") > 0; got == hidden {
					t.Errorf("ours counts: %t, hidden behind a foreign program: %t", got, hidden)
				}
				if err := l.reload(t); err != nil {
					t.Fatal(err)
				}
				if err := l.unload(); err != nil {
					t.Fatal(err)
				}
				if got := l.attached("edge0"); got != 1 {
					t.Errorf("%d programs attached, want the foreign one", got)
				}
				before = f.count(t)
				write(t, tx, 1000)
				receive(t, rx)
				if got := f.count(t); got == before {
					t.Error("the foreign program does not run any more")
				}
			})
		}
	}
}

// counted sums the packets of all classes at a hook.
func counted(t *testing.T, p *Plane, hook string) (n uint64) {
	t.Helper()
	s, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Classes {
		if c.Hook == hook {
			n += c.Packets
		}
	}
	return n
}
