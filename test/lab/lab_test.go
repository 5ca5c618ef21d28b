package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quicedge/internal/netnstest"
	"quicedge/test/lab/lab"
	"quicedge/test/lab/link"
)

func TestFlagsChooseClasses(t *testing.T) {
	for classes, want := range map[string]int{"all": 96, "44/CUCC,62": 4, "any/CTCC": 32, "given": 7, "given,11": 10, "Gansu/cmcc": 1} {
		cfg, err := parse([]string{"--classes", classes})
		if err != nil || len(cfg.Profiles) != want {
			t.Errorf("--classes %s: %d classes, %v", classes, len(cfg.Profiles), err)
		}
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range []string{
		"--classes 99", "--classes 81", "--scenario war", "-o yaml", "--family 5", "--client-initial 1500", "--connections 0", "--connections 65", "--profiles none.csv", "--size 0",
	} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

func TestFlagsStandAboveTheScenario(t *testing.T) {
	cfg, err := parse([]string{"--scenario", "tunnel", "--", "nginx", "-c", "{root}"})
	if err != nil || cfg.Initial != 1200 || cfg.Duration != cfg.Scenario.lasts || strings.Join(cfg.Command, " ") != "nginx -c {root}" {
		t.Errorf("%+v, %v", cfg, err)
	}
	cfg, err = parse([]string{"--scenario", "tunnel", "--client-initial", "1300", "--duration", "3s"})
	if err != nil || cfg.Initial != 1300 || cfg.Duration != 3*time.Second {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestScenariosMakeLinks(t *testing.T) {
	for _, s := range scenarios() {
		p := lab.Profile{MTU: 1500, Loss: 0.05, Bursty: 0.5, Burst: 4, RTT: 50 * time.Millisecond, Down: 1e6, Up: 1e6}
		if s.path != nil {
			s.path(&p)
		}
		if err := p.Settings().Check(); err != nil || s.says == "" || s.lasts == 0 {
			t.Errorf("%s: %v", s.name, err)
		}
		n, err := link.New(1, []link.Class{{Name: "a", Settings: p.Settings()}})
		if err != nil {
			t.Fatal(err)
		}
		if s.event == nil {
			continue
		}
		way, was := n.Link("a"), p.Settings()
		if err := s.event(way, was); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if s.heal != nil && (way.Settings() == was || s.heal(way, was) != nil || way.Settings() != was) {
			t.Errorf("%s: %+v", s.name, way.Settings())
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(tt.in); got != tt.want {
			t.Errorf("median of %v is %g", tt.in, got)
		}
	}
}

// sample is a report of one class: stock failed half of its handshakes and was slower.
func sample() report {
	return report{Scenario: "steady", Says: "1 < 2", Connections: 2, Servers: []serverResult{
		{Name: "stock", Classes: []classResult{{Class: "44/CUCC", Province: "Guangdong", MTU: 1412, Handshakes: 4, Failed: 2, FirstByte: 100, Goodput: 2, OverFirst: 1, OverAfter: 7, ForSize: 3}}},
		{Name: "quicedge", Dropped: 5, Classes: []classResult{{Class: "44/CUCC", Province: "Guangdong", MTU: 1412, Handshakes: 4, FirstByte: 50, Goodput: 9, Recovery: 80}}},
	}}
}

func TestTablePutsServersSideBySide(t *testing.T) {
	var b bytes.Buffer
	if err := sample().table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2/4 | 0/4", "100 | 50  x0.50", "2.00 | 9.00  x4.50", "1+7 | 0+0", "3 | 0", "- | 80", "quicedge: the lab lost 5 packets"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestPictureIsXMLWithABarForEveryMeasure(t *testing.T) {
	var b bytes.Buffer
	sample().draw(&b)
	bars := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if want := 1 + 2 + 2*len(panels()); bars != want {
		t.Errorf("%d rectangles, want the ground, two of the legend and a bar a server and panel: %d", bars, want)
	}
}

// TestRunMeasuresThroughRebinding runs the stock server twice, as what is compared and as the command, through a scenario with an event.
func TestRunMeasuresThroughRebinding(t *testing.T) {
	netnstest.New(t) // only to skip where it cannot
	program := filepath.Join(t.TempDir(), "stock")
	if err := lab.Build(t.Context(), "quicedge/test/lab/stock", program); err != nil {
		t.Fatal(err)
	}
	// Without loss: a client that only receives has little to send, and with it lost, the server does not learn of the new port.
	profiles := filepath.Join(t.TempDir(), "profiles.csv")
	header := shippedProfiles[bytes.Index(shippedProfiles, []byte("\nprovince_id"))+1:]
	header = header[:bytes.IndexByte(header, '\n')+1]
	if err := os.WriteFile(profiles, append(bytes.Clone(header), "31,CTCC,1500,false,15,0,0,0,0,0,0,20,5,120,,\n32,CMCC,1500,false,23,0,0,0,0,0,0,20,5,30,,\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(t.TempDir(), "lab.svg")
	cfg, err := parse([]string{
		"--profiles", profiles, "--scenario", "rebind", "--duration", "4s", "--connections", "2", "--stock", program, "-o", "json", "--svg", picture,
		"--", program, "--root", "{root}", "--listen", ":{port}",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := run(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.write(cfg, &out); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%v:\n%s", err, &out)
	}
	if len(r.Servers) != 2 {
		t.Fatalf("%d servers", len(r.Servers))
	}
	for _, s := range r.Servers {
		for _, c := range s.Classes {
			if c.Goodput == 0 || c.FirstByte == 0 || c.Recovered != 2 || c.Recovery == 0 || c.Down.Lost[link.NoPort] == 0 {
				t.Errorf("%s: %+v", s.Name, c)
			}
		}
	}
}

// TestRunOfSilentClients runs the node through a scenario without an event, beside nobody.
func TestRunOfSilentClients(t *testing.T) {
	netnstest.New(t) // only to skip where it cannot
	program := filepath.Join(t.TempDir(), "quicedge")
	if err := lab.Build(t.Context(), "quicedge/cmd/quicedge", program); err != nil {
		t.Fatal(err)
	}
	cfg, err := parse([]string{"--scenario", "nat", "--classes", "15/CTCC", "--connections", "2", "--size", "1", "--alone", "--node", program})
	if err != nil {
		t.Fatal(err)
	}
	r, err := run(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Servers[0].Classes[0]; c.Silent != 2 || c.Lived != 2 || c.EndMTU != 1420 || c.LeastMTU != 1420 {
		t.Errorf("%+v", c)
	}
}

func TestConnectionsAreRenewedAfterSomeTimeOfData(t *testing.T) {
	at := time.Now()
	ctx, end := renewed(t.Context(), time.Second)
	end(at)
	end(at.Add(900 * time.Millisecond))
	if ctx.Err() != nil {
		t.Error("too soon")
	}
	end(at.Add(time.Second))
	if ctx.Err() == nil {
		t.Error("not after a second")
	}
	ctx, end = renewed(t.Context(), 0)
	end(at)
	end(at.Add(time.Hour))
	if ctx.Err() != nil {
		t.Error("one that is not to be renewed")
	}
	if end(time.Time{}); ctx.Err() == nil {
		t.Error("not when it is over")
	}
}
