package pipeline_test

import (
	"os"
	"testing"

	"quicedge/internal/pipeline"
	"quicedge/internal/pipeline/testclip"
	"quicedge/models/reference"
)

// The reference filters what the input decodes to; the output decodes to that plus what the encoder lost.
func TestSkinIsAsSmoothAsTheReferenceMakesIt(t *testing.T) {
	p := newPool(t, pipeline.Config{})
	path := testclip.Make(t, testclip.Spec{Audio: true})
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := process(t, p, in)
	if err != nil {
		t.Fatal(err)
	}
	before, after := testclip.Pictures(t, path), testclip.Pictures(t, testclip.Save(t, out))
	if len(before) != len(after) {
		t.Fatalf("%d pictures, the input has %d", len(after), len(before))
	}
	var rough, smooth, want, apart float64
	for i, f := range before {
		ideal := reference.Beauty(f)
		rough += reference.Roughness(f, f.Luma()) / float64(len(before))
		want += reference.Roughness(f, ideal) / float64(len(before))
		smooth += reference.Roughness(f, after[i].Luma()) / float64(len(before))
		apart += meanAbsolute(ideal, after[i].Y) / float64(len(before))
	}
	t.Logf("roughness of skin %.1f -> %.2f, the reference has %.2f; pictures differ from it by %.2f levels", rough, smooth, want, apart)
	if smooth > rough/5 {
		t.Errorf("roughness of skin went from %.1f to %.2f, want a fifth at most", rough, smooth)
	}
	if smooth > want+2 || smooth < want-2 {
		t.Errorf("roughness of skin is %.2f, the reference has %.2f", smooth, want)
	}
	if apart > 2 {
		t.Errorf("pictures differ from the reference by %.2f levels on average, want 2 at most", apart)
	}
}

func meanAbsolute(a, b []byte) float64 {
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}
