package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quicedge/internal/doctor"
)

func TestDoctorPrintsEveryFindingWithItsCure(t *testing.T) {
	c := newCLI(t)
	code, out, errs := c.run("doctor", "--iface", "lo", "-o", "json")
	d := decode[diagnosis](t, out)
	if d.APIVersion != "quicedge/v1" || d.Kernel == "" || len(d.Interfaces) != 1 || len(d.Findings) < 20 {
		t.Fatalf("exit %d: %+v %s", code, d, errs)
	}
	want := map[doctor.State]int{doctor.Fit: exitOK, doctor.Degraded: exitDegraded, doctor.NotPermitted: exitNotPermitted, doctor.Unsupported: exitUnsupported}
	if code != want[d.State] || (code == exitOK) != (errs == "") {
		t.Errorf("exit %d, %q for %s", code, errs, d.State)
	}
	_, table, _ := c.run("doctor", "--iface", "lo")
	for _, f := range d.Findings {
		if !strings.Contains(table, f.Found) || !strings.Contains(table, f.Cure) || f.Level != doctor.OK && f.Cure == "" {
			t.Errorf("%+v is not in the table, or without a cure:\n%s", f, table)
		}
	}
}

func TestDoctorGoesOnWithoutTableOrDevice(t *testing.T) {
	c := newCLI(t)
	if err := os.Mkdir(filepath.Join(c.dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := c.write("state/overrides.csv", "province_id,isp,mtu,condition\n44,CU")
	code, out, errs := c.run("doctor", "--iface", "nope0", "-o", "json")
	d := decode[diagnosis](t, out)
	found := map[string]doctor.Finding{}
	for _, f := range d.Findings {
		found[f.Check] = f
	}
	if code == exitOK || code == exitFailed || !strings.Contains(found["table"].Found, path+":2:1") || !strings.Contains(found["device"].Found, "nope0") {
		t.Errorf("exit %d, %s: %+v", code, errs, found)
	}
}

func TestExitCodesOfADiagnosis(t *testing.T) {
	for state, want := range map[doctor.State]int{
		doctor.Fit: exitOK, doctor.Degraded: exitDegraded, doctor.NotPermitted: exitNotPermitted, doctor.Unsupported: exitUnsupported,
	} {
		if got := exitCode(diagnosis{State: state}.err()); got != want {
			t.Errorf("%s: exit %d, want %d", state, got, want)
		}
	}
}
