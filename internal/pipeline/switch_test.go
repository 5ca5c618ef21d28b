package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/models"
	"quicedge/models/onnx"
	"quicedge/models/reference"
)

// times is how often a test goes round: a few times in the suite, often in "make soak".
func times(short, long int) int {
	if os.Getenv("QUICEDGE_SOAK") == "1" {
		return long
	}
	return short
}

// versionOf tells which version of beauty_v2 made a picture: version 2 makes a negative.
func versionOf(before, after reference.Frame) int {
	inverse := make([]byte, len(before.Y))
	for i, v := range before.Y {
		inverse[i] = 255 - v
	}
	if meanAbsolute(after.Y, before.Y) < meanAbsolute(after.Y, inverse) {
		return 1
	}
	return 2
}

func TestModelIsSwitchedUnderLoadAndEachStreamIsOfOneVersion(t *testing.T) {
	s := newShelf(t)
	m, content := negative(2)
	s.put(t, m, content)
	p := newPool(t, pipeline.Config{Workers: 2, Models: s.dir})
	path := testclip.Make(t, testclip.Spec{Width: 160, Height: 96, Seconds: 0.4})
	before := testclip.Pictures(t, path)

	switches := times(10, 100)
	made := underLoad(t, p, path, switches, func(n int) {
		if err := p.Switch(t.Context(), "beauty_v2", 1+n%2); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d switches, no stream failed: %v by version", switches, streamsByVersion(t, made, before))
}

// underLoad makes changes while streams of beauty_v2 run, at least one of them after each, and returns what came out.
func underLoad(t *testing.T, p *pipeline.Pool, path string, changes int, change func(n int)) [][][]byte {
	t.Helper()
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var streams atomic.Int64
	made := make([][][]byte, 3)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for i := range made {
		load.Go(func() {
			for ctx.Err() == nil {
				var out bytes.Buffer
				if _, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, bytes.NewReader(in), &out, nil); err != nil {
					t.Errorf("after %d streams: %v", streams.Load(), err)
					return
				}
				made[i] = append(made[i], out.Bytes())
				streams.Add(1)
			}
		})
	}
	for n := range changes {
		change(n)
		most := streams.Load() + int64(len(made)) // those that had begun before
		eventually(t, "a stream after a switch", func() bool { return streams.Load() > most || t.Failed() })
	}
	return made
}

// streamsByVersion counts streams by the version of beauty_v2 that made all frames of each. There must be some of both.
func streamsByVersion(t *testing.T, made [][][]byte, before []reference.Frame) map[int]int {
	t.Helper()
	seen := map[int]int{}
	known := map[string]int{} // an encoder makes the same of the same pictures
	for _, each := range made {
		for _, out := range each {
			if version, ok := known[string(out)]; ok {
				seen[version]++
				continue
			}
			frames := testclip.Pictures(t, testclip.Save(t, out))
			if len(frames) != len(before) {
				t.Fatalf("%d frames of %d", len(frames), len(before))
			}
			version := versionOf(before[0], frames[0])
			for i, f := range frames {
				if now := versionOf(before[i], f); now != version {
					t.Fatalf("frame %d is of version %d, the first of version %d", i, now, version)
				}
			}
			known[string(out)] = version
			seen[version]++
		}
	}
	if seen[1] == 0 || seen[2] == 0 {
		t.Errorf("streams by version: %v", seen)
	}
	return seen
}

func TestBadModelIsRefusedAndTheOldStays(t *testing.T) {
	path := testclip.Make(t, testclip.Spec{Width: 160, Height: 96, Seconds: 0.4})
	before := testclip.Pictures(t, path)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *shelf)
		want  string
	}{
		"wrong sum": {func(t *testing.T, s *shelf) {
			m, content := negative(2)
			s.put(t, m, content)
			s.write(t, "beauty_v2-2.onnx", content[:len(content)-1])
		}, "has the sha256"},
		"truncated": {func(t *testing.T, s *shelf) {
			m, content := negative(2)
			s.put(t, m, content[:len(content)/2])
		}, "no model that ONNX Runtime"},
		"wrong input": {func(t *testing.T, s *shelf) {
			m, content := negative(2)
			m.Parameters[0].Name = "power"
			s.put(t, m, content)
		}, ""}, // the shipped pipeline sets strength
		"contract of another": {func(t *testing.T, s *shelf) {
			m, content := negative(2)
			m.Output.Name = "picture"
			s.put(t, m, content)
		}, "output.name picture: the graph has out"},
		"no numbers": {func(t *testing.T, s *shelf) {
			m, content := own("nan", models.Image, 3, func(g *onnx.Graph, x string) string {
				zero := g.Op("Sub", []string{x, x})
				return g.Op("Div", []string{zero, zero})
			})
			s.put(t, m, content)
		}, "NaN"},
		"same version, other file": {func(t *testing.T, s *shelf) {
			m, content := negative(1)
			s.put(t, m, content)
		}, "another of this version"},
		"manifest cut": {func(t *testing.T, s *shelf) { s.write(t, models.ManifestName, []byte(`{"models": [`)) }, "ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			good, content := negative(9)
			good.Name = "other"
			s.put(t, good, content)
			p := newPool(t, pipeline.Config{Models: s.dir})
			c.spoil(t, s)
			if err := p.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Reload = %v, want %q in it", err, c.want)
			}
			if err := p.Switch(t.Context(), "beauty_v2", 2); !errors.Is(err, pipeline.ErrUnknownModel) {
				t.Errorf("Switch to what was refused = %v", err)
			}
			out, _, err := through(t, p, "beauty_v2", path)
			if err != nil {
				t.Fatal(err)
			}
			if v := versionOf(before[0], testclip.Pictures(t, testclip.Save(t, out))[0]); v != 1 {
				t.Errorf("a stream is of version %d", v)
			}
		})
	}
}

func TestReloadPutsTheFilesInForce(t *testing.T) {
	s := newShelf(t)
	other, content := negative(1)
	other.Name = "other"
	s.put(t, other, content)
	file := pipelines(t, moderating)
	p := newPool(t, pipeline.Config{Models: s.dir, Pipelines: file})
	m, content := negative(2)
	s.put(t, m, content)
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(moderating, "strict", "severe")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.Library().InForce("beauty_v2"); got != 2 {
		t.Errorf("version %d is in force, the folder has 2", got)
	}
	if _, err := p.Library().Lookup("severe"); err != nil {
		t.Error(err)
	}
	if _, err := p.Library().Lookup("strict"); !errors.Is(err, pipeline.ErrUnknownPipeline) {
		t.Errorf("the old pipeline: %v", err)
	}
	for _, state := range p.Models() {
		if state.InForce && state.Name == "beauty_v2" && (state.Version != 2 || state.Provider == "") {
			t.Errorf("%s on %q", state.Ref(), state.Provider)
		}
	}
	if err := os.WriteFile(file, []byte("pipelines:\n  x: {summary: s, stages: [{do: fly}]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), filepath.Base(file)+":2:") {
		t.Errorf("Reload of a bad file = %v", err)
	}
	if _, err := p.Library().Lookup("severe"); err != nil {
		t.Errorf("after a bad file: %v", err)
	}
}

func TestProvingAModelTakesNoWorkerFromStreams(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	u, out := newUpload(t), newCounter()
	result := make(chan error, 1)
	go func() {
		_, err := p.Process(t.Context(), pipeline.Stream{Pipeline: "beauty_v2"}, u, out, nil)
		result <- err
	}()
	u.send(0, 40)
	out.await(t) // the only worker has a stream
	if err := p.Switch(t.Context(), "beauty_v2", 1); err != nil {
		t.Error(err)
	}
	u.send(40, 100)
	if err := errors.Join(u.writer.Close(), <-result); err != nil {
		t.Fatal(err)
	}
}
