package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/testclip"
	"quicedge/internal/pipeline/wire"
	"quicedge/models"
)

func TestMain(m *testing.M) {
	if _, err := infer.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// shippedRecipe is a pipeline of the program as a node sends it.
func shippedRecipe(t *testing.T, name string) json.RawMessage {
	t.Helper()
	all, err := recipe.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	r, err := all[name].WithVersions(map[string]int{"beauty_v2": 1, "colour_scores": 1})
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shippedModels are the models of the program, loaded.
func shippedModels(t *testing.T) loaded {
	t.Helper()
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	l := loaded{}
	t.Cleanup(func() {
		for _, m := range l {
			m.Close()
		}
	})
	for _, m := range all {
		if err := l.add(m, nil, false); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// What a filter makes lies in buffers that come back, and tensors lie over them: nothing is made anew for a frame, and no picture is
// copied. A binding is made for each pair of a decoder's buffer and one of ours, until every pair has met: hence the long clip.
func TestFiltersAllocateAndCopyNothingForAFrame(t *testing.T) {
	for name, tc := range map[string]struct {
		clip  testclip.Spec
		times int64
	}{
		"beauty_v2": {testclip.Spec{Width: 320, Height: 180, Seconds: 60}, 1},
		"fps_x2":    {testclip.Spec{Width: 1280, Height: 720, Seconds: 4}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := &meter{body: testclip.Read(t, tc.clip)}
			done := process(t, name, wire.Job{}, m)
			if want := tc.times * int64(tc.clip.Frames()); done.Frames != want {
				t.Fatalf("%d frames, want %d", done.Frames, want)
			}
			frames := done.Frames / 2
			if n := int64(m.last.Mallocs - m.first.Mallocs); n/frames > 0 {
				t.Errorf("%d allocations, %d bytes in %d frames", n, m.last.TotalAlloc-m.first.TotalAlloc, frames)
			} else {
				t.Logf("%d allocations in %d frames", n, frames)
			}
			if done.BytesCopied != 0 {
				t.Errorf("%d bytes of pictures were copied", done.BytesCopied)
			}
		})
	}
}

func TestJobForAModelThatIsNotThereFails(t *testing.T) {
	s := newServer(nil, nil, nil)
	if _, err := s.newChain(wire.Job{Recipe: shippedRecipe(t, "beauty_v2")}, nil, 1); err == nil {
		t.Error("a chain was made without its model")
	}
}
