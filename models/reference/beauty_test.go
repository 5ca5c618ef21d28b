package reference

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// picture is half skin with grain, half blue with the same grain, and a hard luma edge inside the skin.
func picture(w, h int) Frame {
	rng := rand.New(rand.NewPCG(1, 2))
	f := Frame{Width: w, Height: h, Stride: w + 32, ChromaStride: w/2 + 16}
	f.Y = bytes.Repeat([]byte{0}, f.Stride*h)
	f.Cb, f.Cr = bytes.Repeat([]byte{0}, f.ChromaStride*h/2), bytes.Repeat([]byte{0}, f.ChromaStride*h/2)
	for y := range h {
		for x := range w {
			level := 150 + rng.IntN(21) - 10
			if y >= h/2 {
				level -= 100
			}
			f.Y[y*f.Stride+x] = byte(level)
			cb, cr := byte(102), byte(153)
			if x >= w/2 {
				cb, cr = 200, 100
			}
			f.Cb[y/2*f.ChromaStride+x/2], f.Cr[y/2*f.ChromaStride+x/2] = cb, cr
		}
	}
	return f
}

func TestBeautySmoothsSkinAndNothingElse(t *testing.T) {
	f := picture(128, 96)
	out := Beauty(f)
	// The luma edge is in both figures and stays; the grain, 73 of 100 levels squared, is what goes.
	if before, after := Roughness(f, f.Luma()), Roughness(f, out); after > before-50 {
		t.Errorf("skin did not get smoother: %.1f -> %.1f", before, after)
	}
	const reach = 2*Radius + 2
	for y := range f.Height {
		for x := f.Width/2 + reach; x < f.Width; x++ {
			if got, want := out[y*f.Width+x], f.Y[y*f.Stride+x]; got != want {
				t.Fatalf("pixel %d,%d outside of skin went from %d to %d", x, y, want, got)
			}
		}
	}
}

func TestBeautyKeepsEdges(t *testing.T) {
	f := picture(128, 96)
	out := Beauty(f)
	above, below := 0, 0
	for x := range f.Width / 4 {
		above += int(out[(f.Height/2-1)*f.Width+x])
		below += int(out[f.Height/2*f.Width+x])
	}
	if step := (above - below) / (f.Width / 4); step < 85 {
		t.Errorf("an edge of 100 levels is one of %d after the filter, want at least 85", step)
	}
}

func TestBeautyLeavesFlatSkinAlone(t *testing.T) {
	f := picture(64, 64)
	for i := range f.Y {
		f.Y[i] = 130
	}
	for i, v := range Beauty(f) {
		if v != 130 {
			t.Fatalf("pixel %d of flat skin became %d", i, v)
		}
	}
}

func TestRoughnessIsZeroWithoutSkin(t *testing.T) {
	f := picture(64, 64)
	for i := range f.Cb {
		f.Cb[i] = 200
	}
	if r := Roughness(f, f.Luma()); r != 0 {
		t.Errorf("roughness of no skin is %v", r)
	}
}
