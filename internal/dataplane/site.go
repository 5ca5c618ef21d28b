package dataplane

import (
	"fmt"
	"os"
)

// site is where a device's filters are. A BPF file system holds no plain files, and a filter no pins: an empty folder among
// the device's pins says it by its name.
type site struct {
	cookie uint64 // of the network namespace
	index  int    // of the device
	made   bool   // the clsact qdisc is ours
}

func (s site) String() string {
	name := fmt.Sprintf("at_%d_%d", s.cookie, s.index)
	if s.made {
		name += "_made"
	}
	return name
}

// parseSite reverses String.
func parseSite(name string) (s site, ok bool) {
	if n, _ := fmt.Sscanf(name, "at_%d_%d", &s.cookie, &s.index); n != 2 {
		return s, false
	}
	s.made = name == site{s.cookie, s.index, true}.String()
	return s, s.String() == name
}

// siteOf finds the one in a device's folder; false where its programs are not attached by clsact.
func siteOf(dir string) (s site, ok bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return s, false, err
	}
	for _, e := range entries {
		if s, ok = parseSite(e.Name()); ok {
			return s, true, nil
		}
	}
	return s, false, nil
}
