package main

import (
	"bytes"
	"os"
	"testing"

	"quicedge/test/lab/lab"
)

func TestCommittedFileIsWhatTheRulesMake(t *testing.T) {
	var b bytes.Buffer
	write(&b)
	committed, err := os.ReadFile("../profiles.csv")
	if err != nil || !bytes.Equal(b.Bytes(), committed) {
		t.Errorf("profiles.csv is another (%v): go generate ./test/lab", err)
	}
}

func TestProfilesCoverTheProvincesAndTheirRange(t *testing.T) {
	var b bytes.Buffer
	write(&b)
	all, err := lab.ReadProfiles(&b, "profiles.csv")
	if err != nil || len(all) != 32*3 {
		t.Fatalf("%d profiles, %v", len(all), err)
	}
	for _, p := range all {
		if p.Loss < 0.021 || p.Loss > 0.087 || p.RTT <= 0 || p.NAT <= 0 || p.InRange[0] != "loss_pct" {
			t.Errorf("%+v", p)
		}
		if mtu, ok := given[p.ID]; ok != (p.MTU < 1500) || ok && (p.MTU != mtu || p.Given[0] != "mtu") {
			t.Errorf("%s: mtu %d, given %v", p.ID, p.MTU, p.Given)
		}
		if (p.Large.Loss > 0) != (p.ID == dropper) || p.Settings().Down.Large != p.Large {
			t.Errorf("%s: %+v", p.ID, p.Large)
		}
	}
}
