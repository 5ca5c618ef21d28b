package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"quicedge/internal/dataplane"
)

func TestStatusOfNothing(t *testing.T) {
	code, out, errs := newCLI(t).run("status", "-o", "json")
	got := decode[statusAnswer](t, out)
	if code != exitFailed || !strings.Contains(errs, "data plane not loaded") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if got.State != stateNotLoaded || got.Node.Running || got.APIVersion != "quicedge/v1" || got.Devices == nil || got.Kernel == "" {
		t.Errorf("got %+v", got)
	}
}

func TestStatusTellsWhatIsLoaded(t *testing.T) {
	l := newLive(t)
	l.load("--ports", "443,8443", "--mark", "0x3ff0000", "--priority", "10:", "--screen=false", "--table-kind", "trie")
	l.send(4)
	got := decode[statusAnswer](t, l.mustRun("status", "-o", "json"))
	if got.State != stateHealthy || len(got.Problems) != 0 || !slices.Equal(got.Ports, []uint16{443, 8443}) {
		t.Errorf("got %+v", got)
	}
	if len(got.Devices) != 1 || got.Devices[0].Interface != "lo" || got.Devices[0].State != dataplane.DeviceUp || len(got.Devices[0].Hooks) != 2 {
		t.Errorf("devices %+v", got.Devices)
	}
	if s := got.Settings; s == nil || *s != (loadSettings{Screen: false, ReflectErrors: true, Mark: "0x3ff0000", Priority: "10:"}) {
		t.Errorf("settings %+v", s)
	}
	if tab := got.Tables; tab.Kind != dataplane.TableTrie || tab.Generation != 1 || tab.IPv4.Prefixes+tab.IPv6.Prefixes != 8 || tab.IPv4.Memory == 0 {
		t.Errorf("tables %+v", tab)
	}
	if got.Traffic != (traffic{Packets: 4}) || got.Memory == 0 || got.Node != (nodeStatus{Holder: dataplane.HeldByNone}) {
		t.Errorf("got %+v", got)
	}
	attached := 0
	for _, p := range got.Programs {
		if p.ID == 0 || p.Tag == "" {
			t.Errorf("program %+v", p)
		}
		attached += len(p.Attached)
	}
	if attached != 2 {
		t.Errorf("programs %+v", got.Programs)
	}
	for _, want := range []string{"healthy", "lo, index 1, up, by tcx: ingress (program ", "443 8443", "trie, generation 1", "screening off, mark 0x3ff0000, priority 10:", "4 packets"} {
		if out := l.mustRun("status"); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestStatusTellsHowDevicesAreAttached(t *testing.T) {
	for _, mode := range []dataplane.Mode{dataplane.ModeTCX, dataplane.ModeClsact} {
		l := newLive(t)
		l.load("--mode", string(mode))
		got := decode[statusAnswer](t, l.mustRun("status", "-o", "json"))
		if got.State != stateHealthy || len(got.Devices) != 1 || got.Devices[0].Mode != mode {
			t.Errorf("%s: %s, %+v", mode, got.State, got.Devices)
		}
		for _, at := range decode[statsAnswer](t, l.mustRun("stats", "-o", "json")).Attachments {
			if at.Mode != mode {
				t.Errorf("%s: %+v", mode, at)
			}
		}
	}
}

func TestStatusWithoutTheRightToReadSettings(t *testing.T) {
	l := newLive(t)
	l.load()
	code, out, errs := l.runWithout(cap.SYS_ADMIN, "status", "-o", "json")
	if got := decode[statusAnswer](t, out); code != exitOK || got.State != stateHealthy || got.Settings != nil {
		t.Errorf("exit %d, %s: %+v", code, errs, got)
	}
}

func TestDegradedStatusNamesProblemAndCure(t *testing.T) {
	for name, tt := range map[string]struct {
		pin  string
		want string
	}{
		"a program's pin":       {"progs/qe_egress", "the pin of program qe_egress is missing"},
		"an attachment":         {"links/lo/egress", "device lo has a program at ingress only"},
		"a map of the layout":   {"maps/generation", "pinned by another version with another layout"},
		"the program of lookup": {"progs/qe_lookup", "qe_lookup"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.load()
			if err := os.Remove(filepath.Join(l.pins, tt.pin)); err != nil {
				t.Fatal(err)
			}
			code, out, errs := l.run("status", "-o", "json")
			got := decode[statusAnswer](t, out)
			if code != exitDegraded || got.State != stateDegraded || !strings.Contains(errs, "degraded: ") {
				t.Errorf("exit %d, %s: %+v", code, errs, got)
			}
			if len(got.Problems) == 0 || !strings.Contains(got.Problems[0].What, tt.want) || !strings.Contains(got.Problems[0].Cure, "quicedge load --iface") {
				t.Errorf("problems %+v", got.Problems)
			}
			if _, table, _ := l.run("status"); !strings.Contains(table, tt.want) || !strings.Contains(table, "cure: quicedge") {
				t.Errorf("table:\n%s", table)
			}
		})
	}
}

// Nothing is said of what could not be opened, and the cure cures.
func TestStatusOfPinsThatCannotBeOpened(t *testing.T) {
	l := newLive(t)
	l.load()
	if err := os.Chmod(l.pins, 0o755); err != nil {
		t.Fatal(err)
	}
	code, out, errs := l.run("status")
	if code != exitDegraded || !strings.Contains(out, "lets others in") || !strings.Contains(out, "cure: chown root "+l.pins+" && chmod 0700 "+l.pins) || strings.Contains(out, "tables") || strings.Contains(out, "settings") {
		t.Errorf("exit %d, %s\n%s", code, errs, out)
	}
	if err := os.Chmod(l.pins, 0o700); err != nil {
		t.Fatal(err)
	}
	if out := l.mustRun("status"); !strings.Contains(out, "tables") {
		t.Error(out)
	}
}

func TestJudge(t *testing.T) {
	at := func(iface, hook string, program uint32, device dataplane.DeviceState) dataplane.AttachmentFacts {
		return dataplane.AttachmentFacts{Attachment: dataplane.Attachment{Interface: iface, Index: 2, Hook: hook, ProgramID: program}, Device: device}
	}
	whole := func() dataplane.Inspection {
		return dataplane.Inspection{
			Programs:    []dataplane.ProgramFacts{{Name: "qe_egress", ID: 8}, {Name: "qe_ingress", ID: 7}},
			Attachments: []dataplane.AttachmentFacts{at("eth0", "ingress", 7, dataplane.DeviceUp), at("eth0", "egress", 8, dataplane.DeviceUp)},
		}
	}
	for name, tt := range map[string]struct {
		change func(*dataplane.Inspection)
		want   string
	}{
		"whole": {func(*dataplane.Inspection) {}, ""},
		"down": {func(in *dataplane.Inspection) {
			in.Attachments[0].Device, in.Attachments[1].Device = dataplane.DeviceDown, dataplane.DeviceDown
		}, ""},
		"elsewhere": {func(in *dataplane.Inspection) {
			in.Attachments[0].Device, in.Attachments[1].Device = dataplane.DeviceElsewhere, dataplane.DeviceElsewhere
		}, ""},
		"gone":    {func(in *dataplane.Inspection) { in.Attachments[1].Device = dataplane.DeviceGone }, "device eth0 is gone"},
		"half":    {func(in *dataplane.Inspection) { in.Attachments = in.Attachments[1:] }, "device eth0 has a program at egress only"},
		"nowhere": {func(in *dataplane.Inspection) { in.Attachments = nil }, "no device has the programs"},
		"no pin": {func(in *dataplane.Inspection) {
			in.Programs = append(in.Programs, dataplane.ProgramFacts{Name: "qe_lookup"})
		}, "the pin of program qe_lookup is missing"},
		"another program": {func(in *dataplane.Inspection) { in.Attachments[0].ProgramID = 5 }, "runs another program"},
		"half a swap":     {func(in *dataplane.Inspection) { in.Swapping = true }, "a change of tables was killed half way"},
		"swapping now":    {func(in *dataplane.Inspection) { in.Swapping, in.Holder = true, dataplane.HeldUnsure }, ""},
	} {
		in := whole()
		tt.change(&in)
		found := judge(in)
		if tt.want == "" && len(found) > 0 || tt.want != "" && (len(found) != 1 || !strings.Contains(found[0].What, tt.want) || found[0].Cure == "") {
			t.Errorf("%s: %+v, want %q", name, found, tt.want)
		}
	}
}

func TestShareOfUnclassedTraffic(t *testing.T) {
	got := trafficOf(dataplane.Stats{Classes: []dataplane.ClassStats{{Class: 0, Hook: "ingress", Packets: 30}, {Class: 184, Hook: "egress", Packets: 90}}})
	if got != (traffic{120, 30, 0.25}) {
		t.Errorf("%+v", got)
	}
}
