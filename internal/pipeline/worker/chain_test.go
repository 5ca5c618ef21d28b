package worker

import (
	"bytes"
	"testing"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/recipe"
	"quicedge/internal/pipeline/wire"
)

// beauty is a stage that smooths skin.
func beauty(strength float32) recipe.Stage {
	return recipe.Stage{Do: recipe.Model, Model: "beauty_v2", Version: 1, Parameters: map[string]float32{"strength": strength}}
}

// through runs a made-up frame of an awkward size, whose rows are padded, through the stages of a pipeline. It returns luma and chroma
// that come out, without padding, and what was said on the way.
func through(t *testing.T, stages ...recipe.Stage) (picture []byte, verdicts []wire.Verdict, copied int64) {
	t.Helper()
	text, err := recipe.Recipe{Name: "test", Stages: stages}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s := newServer(&said, nil, nil)
	s.models = shippedModels(t)
	store := av.NewFrames(keptFrames)
	t.Cleanup(store.Close)
	c, err := s.newChain(wire.Job{Recipe: text}, store, 1.0/25)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	f, err := store.Picture(98, 66)
	if err != nil {
		t.Fatal(err)
	}
	f.SetTime(0)
	paint(f.Planes(), 1)
	if err := c.frame(f, func(f *av.Frame) error {
		p := f.Planes()
		picture = append(picture, unpadded(p.Y, p.Stride, p.Width, p.Height)...)
		picture = append(picture, unpadded(p.Cb, p.ChromaStride, p.Width/2, p.Height/2)...)
		picture = append(picture, unpadded(p.Cr, p.ChromaStride, p.Width/2, p.Height/2)...)
		f.Close()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for r := wire.NewReader(&said); said.Len() > 0; {
		f, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		var v wire.Verdict
		if err := f.Decode(&v); err != nil {
			t.Fatal(err)
		}
		verdicts = append(verdicts, v)
	}
	return picture, verdicts, store.BytesCopied()
}

func unpadded(plane []byte, stride, width, height int) (rows []byte) {
	for y := range height {
		rows = append(rows, plane[y*stride:][:width]...)
	}
	return rows
}

func TestStageSeesThePictureOfTheOneBeforeIt(t *testing.T) {
	judge := recipe.Stage{Do: recipe.Moderate, Model: "colour_scores", Version: 1, PerSecond: 1}
	_, alone, _ := through(t, judge)
	_, after, _ := through(t, beauty(0), judge) // a strength of 0 changes nothing
	if len(alone) != 1 || len(after) != 1 || alone[0].Scores["skin"] == 0 {
		t.Fatalf("verdicts %v and %v, want one each that sees skin", alone, after)
	}
	for label, want := range alone[0].Scores {
		if got := after[0].Scores[label]; got != want {
			t.Errorf("%s is %v behind a filter that changes nothing, %v without", label, got, want)
		}
	}
}

func TestStagesOfOneModelKeepTheirParameters(t *testing.T) {
	once, _, none := through(t, beauty(1))
	for name, stages := range map[string][]recipe.Stage{
		"nothing last":  {beauty(1), beauty(0)},
		"nothing first": {beauty(0), beauty(1)},
	} {
		twice, _, copied := through(t, stages...)
		if !bytes.Equal(once, twice) {
			t.Errorf("%s: the picture differs from that of the one stage that does something", name)
		}
		if want := int64(98 * 66 * 3 / 2); none != 0 || copied != want {
			t.Errorf("%s: %d bytes copied, %d by one stage; want %d and 0", name, copied, none, want)
		}
	}
}
