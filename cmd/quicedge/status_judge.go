package main

import (
	"fmt"
	"slices"

	"quicedge/internal/dataplane"
)

// hooksOfADevice is how many programs a device has that is served whole: ingress and egress.
const hooksOfADevice = 2

// judge finds what is wrong with a data plane that is open.
func judge(in dataplane.Inspection) (found []trouble) {
	pinned := map[uint32]bool{}
	for _, p := range in.Programs {
		if p.ID == 0 {
			found = append(found, trouble{"the pin of program " + p.Name + " is missing", reload("IF")})
		}
		pinned[p.ID] = true
	}
	for _, d := range devicesOf(in.Attachments) {
		if what, cure := judgeDevice(d, pinned); what != "" {
			found = append(found, trouble{what, cure})
		}
	}
	if len(in.Attachments) == 0 {
		found = append(found, trouble{"no device has the programs", reload("IF")})
	}
	if in.Swapping && in.Holder != dataplane.HeldUnsure {
		found = append(found, trouble{"a change of tables was killed half way", reload("IF")})
	}
	return found
}

// cureOf says what to do about pins that cannot be opened.
func cureOf(pinDir string) string {
	if p := dataplane.LookAtPins(pinDir); p.Owned != nil {
		return "chown root " + pinDir + " && chmod 0700 " + pinDir
	}
	return "quicedge unload --iface IF && " + reload("IF")
}

func judgeDevice(d deviceStatus, pinned map[uint32]bool) (what, cure string) {
	switch {
	case d.State == dataplane.DeviceGone:
		return "device " + d.Interface + " is gone", fmt.Sprintf("quicedge unload --iface %s, or once it is back: %s", d.Interface, reload(d.Interface))
	case len(d.Hooks) < hooksOfADevice:
		return fmt.Sprintf("device %s has a program at %s only", d.Interface, d.Hooks[0].Hook), reload(d.Interface)
	case slices.ContainsFunc(d.Hooks, func(h hookStatus) bool { return !pinned[h.ProgramID] }):
		return "device " + d.Interface + " runs another program than the one that is pinned: a load was killed half way", reload(d.Interface)
	}
	return "", ""
}

func reload(iface string) string { return "quicedge load --iface " + iface + " --prefixes CSV" }
