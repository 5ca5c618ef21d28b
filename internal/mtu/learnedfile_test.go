package mtu_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/mtu"
)

// lived returns a learner with every kind of state: lowered, being tried again, refused, proven, lied to.
func lived(t *testing.T, seed uint64) *node {
	n := newNode(t, 1420)
	n.random = rand.New(rand.NewPCG(seed, 5))
	for n.id = range class.ID(40) {
		if !n.id.Valid() {
			continue
		}
		sizes := []uint16{1300, 1420, 1280, 1380}
		for i := range 20 + n.random.IntN(60) {
			n.connect(i%25, sizes[n.random.IntN(1+i/30)])
			hostile(n, 5)
		}
		n.wait(time.Duration(n.random.IntN(12)) * time.Minute)
	}
	return n
}

func save(t *testing.T, l *mtu.Learner) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatIsLearnedSurvivesARestart(t *testing.T) {
	states := map[bool]int{}
	for seed := range uint64(5) {
		n := lived(t, seed)
		text := save(t, n.l)
		back := mtu.NewLearner(mtu.LearnConfig{})
		if err := back.Load(strings.NewReader(text), "learned.csv"); err != nil {
			t.Fatal(err)
		}
		if again := save(t, back); again != text {
			t.Fatalf("%d bytes came back as %d", len(text), len(again))
		}
		for later := range 200 { // both learn on, and say the same
			n.wait(20 * time.Second)
			for _, id := range n.l.Classes() {
				size := uint16(1280 + 40*n.random.IntN(4))
				e := mtu.Evidence{Class: id, Net: net(n.random.IntN(30)), Kind: mtu.EvidenceKind(1 + n.random.IntN(5)), MTU: size, Limit: 1420, At: n.now}
				n.l.Add(e)
				back.Add(e)
				want, got := n.l.Class(id, 1420, n.now), back.Class(id, 1420, n.now)
				if !want.Since.Equal(got.Since) && later > 0 || want.MTU != got.MTU || want.Proven != got.Proven || want.Probing != got.Probing || want.Networks != got.Networks {
					t.Fatalf("seed %d, class %s, step %d:\n%+v\n%+v", seed, id, later, want, got)
				}
				states[got.MTU > 0 || got.Probing]++
			}
		}
	}
	if states[true] == 0 || states[false] == 0 {
		t.Errorf("states %v: the test has seen one kind only", states)
	}
}

func TestHalfAFileIsRefused(t *testing.T) {
	text := save(t, lived(t, 1).l)
	l := lived(t, 2).l
	before := save(t, l)
	lines := strings.SplitAfter(text, "\n")
	for _, cut := range []int{0, 1, 2, len(lines) / 2, len(lines) - 2} {
		if err := l.Load(strings.NewReader(strings.Join(lines[:cut], "")), "learned.csv"); err == nil || !strings.HasPrefix(err.Error(), "learned.csv:") {
			t.Errorf("%d of %d lines: %v", cut, len(lines), err)
		}
	}
	for cut := 0; cut < len(text)-1; cut += 1 + len(text)/97 {
		if err := l.Load(strings.NewReader(text[:cut]), "learned.csv"); err == nil {
			t.Errorf("%d of %d bytes were taken", cut, len(text))
		}
	}
	missing := strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), "")
	if err := l.Load(strings.NewReader(missing), "learned.csv"); err == nil || !strings.Contains(err.Error(), "records are missing") {
		t.Errorf("a line is missing: %v", err)
	}
	if save(t, l) != before {
		t.Error("a refused file has changed what is learned")
	}
}

func TestWrongRecordsNameTheirPlace(t *testing.T) {
	const header = "province_id,isp,record,network,value,time\n"
	for in, want := range map[string]string{
		"99,CMCC,proven,,1300,":                                          "l.csv:2:1: unknown province",
		"62,AOL,proven,,1300,":                                           "l.csv:2:4: unknown isp",
		"62,CMCC,guessed,,1300,":                                         "l.csv:2:9: unknown record \"guessed\" of a class",
		"62,CMCC,found,,1300,2026-01-02T15:04:05Z":                       "l.csv:2:9: unknown record \"found\" of a class",
		"62,CMCC,proven,192.0.2.0/24,1300,2026-01-02T15:04:05Z":          "l.csv:2:9: unknown record \"proven\" of a network",
		"62,CMCC,found,192.0.2.0/25,1300,2026-01-02T15:04:05Z":           "l.csv:2:15: network",
		"62,CMCC,found,192.0.2.1/24,1300,2026-01-02T15:04:05Z":           "l.csv:2:15: network",
		"62,CMCC,found,2001:db8::/47,1300,2026-01-02T15:04:05Z":          "l.csv:2:15: network",
		"62,CMCC,found,192.0.2.0/24,1300,":                               "l.csv:2:33: no time",
		"62,CMCC,found,192.0.2.0/24,1300,yesterday":                      "l.csv:2:33: time",
		"62,CMCC,found,192.0.2.0/24,0,2026-01-02T15:04:05Z":              "l.csv:2:28: mtu 0: under 1248",
		"62,CMCC,proven,,1247,":                                          "l.csv:2:17: mtu 1247: under 1248",
		"62,CMCC,lowered,,9001,":                                         "l.csv:2:18: mtu 9001: over 9000",
		"62,CMCC,proven,,-1,":                                            "l.csv:2:17: value",
		"62,CMCC,probing,,1300,":                                         "no time",
		"62,CMCC,share,,1001,":                                           "1001 in a thousand",
		"62,CMCC,proven,,1300,\n00,OTHER,end,,1,\n62,CMCC,proven,,1300,": "l.csv:4:9: a record behind the end",
		"00,OTHER,end,,1,":                                               "l.csv:2:15: 1 records, and 0 were read",
	} {
		err := mtu.NewLearner(mtu.LearnConfig{}).Load(strings.NewReader(header+in+"\n"), "l.csv")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFullDiskIsAnError(t *testing.T) {
	l := lived(t, 1).l
	for _, room := range []int{0, 5000, 10_000} {
		if err := l.Save(&fullDisk{room}); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

func FuzzLoadLearned(f *testing.F) {
	f.Add("province_id,isp,record,network,value,time\n62,CMCC,lowered,,1300,2026-01-02T15:04:05Z\n62,CMCC,found,192.0.2.0/24,1300,2026-01-02T15:04:05Z\n00,OTHER,end,,2,\n")
	f.Fuzz(func(t *testing.T, in string) {
		l := mtu.NewLearner(mtu.LearnConfig{})
		if l.Load(strings.NewReader(in), "f") != nil {
			return
		}
		for _, id := range l.Classes() {
			if s := l.Class(id, 1500, start); s.MTU != 0 && s.MTU < mtu.Min || s.Proven > 1500 {
				t.Fatalf("%q: class %s: %+v", in, id, s)
			}
		}
		back := mtu.NewLearner(mtu.LearnConfig{})
		if err := back.Load(strings.NewReader(save(t, l)), "f"); err != nil {
			t.Fatalf("%q: what was read is written wrong: %v", in, err)
		}
	})
}
