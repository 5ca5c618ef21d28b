package infer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"quicedge/models"
	"quicedge/models/reference"
)

func TestMain(m *testing.M) {
	if _, err := Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t testing.TB) *Session {
	t.Helper()
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(all[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// noise is a picture of random luma over chroma that wanders in and out of the range of skin.
func noise(seed uint64, width, height, pad int) reference.Frame {
	rng := rand.New(rand.NewPCG(seed, 0))
	stride := width + pad
	f := reference.Frame{Width: width, Height: height, Stride: stride, ChromaStride: stride / 2}
	f.Y = make([]byte, stride*height)
	f.Cb, f.Cr = make([]byte, stride*height/4), make([]byte, stride*height/4)
	for i := range f.Y {
		f.Y[i] = byte(120 + i%stride*100/stride + rng.IntN(31) - 15)
	}
	for i := range f.Cb {
		f.Cb[i], f.Cr[i] = byte(70+rng.IntN(65)), byte(125+rng.IntN(55))
	}
	return f
}

// The bound: ONNX Runtime sums 32-bit floats in its own order, so a level may fall to the other side of a rounding border.
func TestModelEqualsReferenceWithinOneLevel(t *testing.T) {
	s := open(t)
	for i, size := range []struct{ width, height, pad int }{
		{16, 16, 0}, {64, 48, 0}, {64, 48, 64}, {98, 34, 30}, {640, 360, 64}, {18, 1080, 14},
	} {
		t.Run(fmt.Sprintf("%dx%d+%d", size.width, size.height, size.pad), func(t *testing.T) {
			f := noise(uint64(i), size.width, size.height, size.pad)
			strength := float32(size.width%3) / 2
			if err := s.Set("strength", strength); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size.width*size.height)
			planes := Planes{Y: f.Y, Cb: f.Cb, Cr: f.Cr, Stride: f.Stride, ChromaStride: f.ChromaStride, Width: f.Width, Height: f.Height}
			if err := s.Luma(planes, got); err != nil {
				t.Fatal(err)
			}
			want, off := reference.BeautyAt(f, float64(strength)), 0
			for i := range want {
				d := int(got[i]) - int(want[i])
				if d < -1 || d > 1 {
					t.Fatalf("pixel %d,%d is %d, the reference has %d", i%size.width, i/size.width, got[i], want[i])
				}
				off += d * d
			}
			if off*1000 > len(want) {
				t.Errorf("%d of %d pixels are one level off, want at most one in a thousand", off, len(want))
			}
		})
	}
}

func TestRunRefusesPlanesThatAreTooShort(t *testing.T) {
	s := open(t)
	f := noise(1, 64, 64, 0)
	good := Planes{Y: f.Y, Cb: f.Cb, Cr: f.Cr, Stride: 64, ChromaStride: 32, Width: 64, Height: 64}
	short := good
	short.Cr = short.Cr[:10]
	if err := s.Luma(short, make([]byte, 64*64)); err == nil {
		t.Error("Run took a chroma plane of 10 bytes")
	}
	if err := s.Luma(good, make([]byte, 10)); err == nil {
		t.Error("Run took an output of 10 bytes")
	}
	if err := s.Luma(good, make([]byte, 64*64)); err != nil {
		t.Errorf("after refused calls: %v", err)
	}
}

func TestTrimmedSessionRunsAsBefore(t *testing.T) {
	s := open(t)
	f := noise(3, 1920, 1080, 0)
	planes := Planes{Y: f.Y, Cb: f.Cb, Cr: f.Cr, Stride: f.Stride, ChromaStride: f.ChromaStride, Width: f.Width, Height: f.Height}
	first, second := make([]byte, len(f.Y)), make([]byte, len(f.Y))
	for _, out := range [][]byte{first, second} {
		if err := s.Luma(planes, out); err != nil {
			t.Fatal(err)
		}
		if err := s.Trim(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first, second) {
		t.Error("the same picture came out differently after Trim")
	}
}

func TestOpenRefusesWhatIsNoModel(t *testing.T) {
	s := open(t)
	for _, content := range []string{"", "no model", string(s.Model().ONNX[:500])} {
		m := s.Model()
		m.ONNX = []byte(content)
		if s, err := Open(m); err == nil {
			s.Close()
			t.Errorf("Open took %q for a model", content)
		}
	}
}

func TestNothingIsAllocatedForAPictureInAPlaceThatIsKnown(t *testing.T) {
	s := open(t)
	f := noise(1, 640, 360, 64)
	out := make([]byte, 640*360)
	planes := Planes{Y: f.Y, Cb: f.Cb, Cr: f.Cr, Stride: f.Stride, ChromaStride: f.ChromaStride, Width: f.Width, Height: f.Height}
	allocations := testing.AllocsPerRun(20, func() {
		if err := s.Luma(planes, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a picture", allocations)
	}
}

func BenchmarkBeauty(b *testing.B) {
	for _, size := range []struct{ width, height int }{{640, 360}, {1280, 720}, {1920, 1080}} {
		b.Run(fmt.Sprintf("%dx%d", size.width, size.height), func(b *testing.B) {
			s := open(b)
			f := noise(1, size.width, size.height, 64)
			out := make([]byte, size.width*size.height)
			planes := Planes{Y: f.Y, Cb: f.Cb, Cr: f.Cr, Stride: f.Stride, ChromaStride: f.ChromaStride, Width: f.Width, Height: f.Height}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Luma(planes, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
