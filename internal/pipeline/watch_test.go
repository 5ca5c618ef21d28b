package pipeline_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/models"
)

func TestChangedFilesAreReadOnceTheyHaveSettled(t *testing.T) {
	s := newShelf(t)
	other, content := negative(1)
	other.Name = "other"
	s.put(t, other, content)
	file := pipelines(t, moderating)
	p := newPool(t, pipeline.Config{Models: s.dir, Pipelines: file})
	second, dark := negative(2)
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	last := ""
	for _, c := range []struct {
		what    string
		change  func()
		looks   string // o: nothing is read, +: it is read and taken, -: and refused
		version int    // of beauty_v2 in force after it
	}{
		{"nothing", func() {}, "ooo", 1},
		{"a pipeline's name", func() { write(strings.ReplaceAll(moderating, "strict", "severe")) }, "o+oo", 1},
		{"the first half of pipelines", func() { write(moderating[:len(moderating)/2]) }, "o", 1},
		{"the rest of them", func() { write(moderating) }, "o+oo", 1},
		{"pipelines that are none", func() { write("pipelines:\n  x: {summary: s, stages: [{do: fly}]}\n") }, "o-ooo", 1},
		{"no pipelines", func() {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "o-ooo", 1},
		{"good ones", func() { write(moderating) }, "o+oo", 1},
		{"a cut manifest", func() { s.write(t, models.ManifestName, []byte(`{"models": [`)) }, "o-oo", 1},
		{"a manifest ahead of its model", func() {
			s.put(t, second, dark)
			s.write(t, "beauty_v2-2.onnx", dark[:len(dark)/2])
		}, "o-oo", 1},
		{"the rest of the model", func() { s.write(t, "beauty_v2-2.onnx", dark) }, "o+oo", 2},
		{"a file that no manifest names", func() { s.write(t, "beauty_v2-3.onnx", dark) }, "ooo", 2},
		{"a switch", func() {
			if err := p.Switch(t.Context(), "beauty_v2", 1); err != nil {
				t.Fatal(err)
			}
		}, "ooo", 1},
		{"what a reload has read", func() {
			write(strings.ReplaceAll(moderating, "strict", "strictest"))
			if err := p.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, "ooo", 2},
	} {
		c.change()
		var looks strings.Builder
		for range c.looks {
			now, changed, err := p.Look(t.Context(), last)
			last = now
			switch {
			case err != nil:
				looks.WriteByte('-')
			case changed:
				looks.WriteByte('+')
			default:
				looks.WriteByte('o')
			}
		}
		if version := p.Library().InForce("beauty_v2"); looks.String() != c.looks || version != c.version {
			t.Errorf("%s: looks %s, want %s; version %d is in force, want %d", c.what, looks.String(), c.looks, version, c.version)
		}
	}
}

func TestChangeOfAFileSwitchesUnderLoadAndEachStreamIsOfOneVersion(t *testing.T) {
	shipped, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	s := newShelf(t)
	s.put(t, shipped[0], shipped[0].ONNX)
	m, content := negative(2)
	s.put(t, m, content)
	p := newPool(t, pipeline.Config{Workers: 2, Models: s.dir})
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		p.Watch(ctx, 10*time.Millisecond, func(err error) {
			if err != nil && !strings.Contains(err.Error(), "ends too early") { // a manifest between two writes
				t.Error(err)
			}
		})
	})
	defer watching.Wait()
	defer stop()
	path := testclip.Make(t, testclip.Spec{Width: 160, Height: 96, Seconds: 0.4})
	switches := times(4, 100)
	made := underLoad(t, p, path, switches, func(n int) {
		want := 1 + n%2
		s.all[0].Default, s.all[1].Default = want == 1, want == 2
		s.manifest(t)
		eventually(t, "the version of the manifest", func() bool { return p.Library().InForce("beauty_v2") == want })
	})
	t.Logf("%d changes of %s, no stream failed: %v by version", switches, models.ManifestName, streamsByVersion(t, made, testclip.Pictures(t, path)))
}
