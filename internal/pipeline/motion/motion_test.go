package motion

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// scene paints luma and chroma from functions of the place.
func scene(width, height, pad int, luma func(x, y int) float64) Planes {
	p := Planes{Width: width, Height: height, Stride: width + pad, ChromaStride: width/2 + pad}
	p.Y, p.Cb, p.Cr = make([]byte, p.Stride*height), make([]byte, p.ChromaStride*height/2), make([]byte, p.ChromaStride*height/2)
	for y := range height {
		for x := range width {
			p.Y[y*p.Stride+x] = byte(min(max(luma(x, y), 0), 255))
		}
	}
	for y := range height / 2 {
		for x := range width / 2 {
			v := luma(2*x, 2*y)
			p.Cb[y*p.ChromaStride+x], p.Cr[y*p.ChromaStride+x] = byte(64+v/4), byte(192-v/4)
		}
	}
	return p
}

// texture is different everywhere, and has more contrast in the large than in the small, as what cameras see has.
func texture(seed uint64) func(x, y int) float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	var waves [16][4]float64
	for i := range waves {
		reach := 0.25 * math.Pow(0.8, float64(i)) // radians a pixel
		waves[i] = [4]float64{(2*rng.Float64() - 1) * reach, (2*rng.Float64() - 1) * reach, rng.Float64() * 7, 1.5 / (reach + 0.03)}
	}
	return func(x, y int) float64 {
		sum := 128.0
		for _, w := range waves {
			sum += w[3] * math.Sin(w[0]*float64(x)+w[1]*float64(y)+w[2])
		}
		return sum
	}
}

func moved(f func(x, y int) float64, dx, dy int) func(x, y int) float64 {
	return func(x, y int) float64 { return f(x-dx, y-dy) }
}

// between runs an Interpolator over two pictures.
func between(t testing.TB, before, after Planes) (Planes, bool) {
	t.Helper()
	i, err := New(before.Width, before.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for _, p := range []Planes{before, after} {
		if err := i.Advance(p); err != nil {
			t.Fatal(err)
		}
	}
	out := scene(before.Width, before.Height, 7, func(int, int) float64 { return 0 })
	cut, err := i.Between(before, after, out)
	if err != nil {
		t.Fatal(err)
	}
	return out, cut
}

// distance is the mean squared error of luma, border pixels from each side left out.
func distance(a, b Planes, border int) float64 {
	sum, n := 0.0, 0
	for y := border; y < a.Height-border; y++ {
		for x := border; x < a.Width-border; x++ {
			d := float64(a.Y[y*a.Stride+x]) - float64(b.Y[y*b.Stride+x])
			sum += d * d
			n++
		}
	}
	return sum / float64(n)
}

func mean(a, b Planes) Planes {
	return scene(a.Width, a.Height, 0, func(x, y int) float64 {
		return (float64(a.Y[y*a.Stride+x]) + float64(b.Y[y*b.Stride+x])) / 2
	})
}

func TestPanningPictureIsHalfWayBetween(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {322, 182}} {
		for _, move := range [][2]int{{0, 0}, {2, 0}, {-8, 4}, {16, -6}, {40, 0}, {-30, 24}} {
			t.Run(fmt.Sprintf("%dx%d by %v", size[0], size[1], move), func(t *testing.T) {
				f := texture(3)
				before, after := scene(size[0], size[1], 5, f), scene(size[0], size[1], 32, moved(f, move[0], move[1]))
				want := scene(size[0], size[1], 0, moved(f, move[0]/2, move[1]/2))
				got, cut := between(t, before, after)
				if cut {
					t.Fatal("taken for two shots")
				}
				if d := distance(got, want, 48); d > 4 {
					t.Errorf("off by %.1f levels squared, the mean of both by %.1f", d, distance(mean(before, after), want, 48))
				}
			})
		}
	}
}

func TestObjectMovesBeforeItsBackground(t *testing.T) {
	ground, object := texture(5), texture(9)
	at := func(left int) Planes {
		return scene(640, 360, 0, func(x, y int) float64 {
			if x >= left && x < left+120 && y >= 100 && y < 240 {
				return object(x-left, y)
			}
			return ground(x, y)
		})
	}
	before, after, want := at(200), at(224), at(212)
	got, cut := between(t, before, after)
	if cut {
		t.Fatal("taken for two shots")
	}
	if plain, d := distance(mean(before, after), want, 0), distance(got, want, 0); d > plain/3 {
		t.Errorf("off by %.1f levels squared, the mean of both by %.1f", d, plain)
	}
}

func TestShotsAreNotMixed(t *testing.T) {
	before, after := scene(640, 360, 0, texture(1)), scene(640, 360, 0, texture(2))
	out, cut := between(t, before, after)
	if !cut {
		t.Fatal("two shots were taken for one")
	}
	for _, v := range out.Y {
		if v != 0 {
			t.Fatal("a picture was written")
		}
	}
}

func TestNoiseIsNoCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := texture(4)
	noisy := func(int) Planes {
		return scene(640, 360, 0, func(x, y int) float64 { return f(x, y) + rng.NormFloat64()*12 })
	}
	if _, cut := between(t, noisy(0), noisy(1)); cut {
		t.Error("noise was taken for a cut")
	}
}

func TestEverySizeIsWrittenWholeAndNothingBeside(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		width, height := 16+2*rng.IntN(80), 16+2*rng.IntN(80)
		f := texture(rng.Uint64())
		before := scene(width, height, rng.IntN(9), f)
		after := scene(width, height, rng.IntN(9), moved(f, rng.IntN(60)-30, rng.IntN(60)-30))
		i, err := New(width, height)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Planes{before, after} {
			if err := i.Advance(p); err != nil {
				t.Fatal(err)
			}
		}
		const mark = 3 // no texture has it: chroma and luma are above
		out := scene(width, height, 4, func(int, int) float64 { return 0 })
		for _, plane := range [][]byte{out.Y, out.Cb, out.Cr} {
			for k := range plane {
				plane[k] = mark
			}
		}
		cut, err := i.Between(before, after, out)
		i.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct {
			plane              []byte
			stride, wide, high int
		}{{out.Y, out.Stride, width, height}, {out.Cb, out.ChromaStride, width / 2, height / 2}, {out.Cr, out.ChromaStride, width / 2, height / 2}} {
			for k, v := range p.plane {
				if within := k%p.stride < p.wide && k/p.stride < p.high; !within && v != mark {
					t.Fatalf("%dx%d: a byte beside the picture was written", width, height)
				} else if within && !cut && v == mark && p.stride == out.ChromaStride {
					t.Fatalf("%dx%d: chroma %d,%d was not written", width, height, k%p.stride, k/p.stride)
				}
			}
		}
	}
}

func TestPicturesOfAnotherSizeAreRefused(t *testing.T) {
	i, err := New(64, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	good, other := scene(64, 64, 0, texture(1)), scene(64, 66, 0, texture(1))
	short := good
	short.Cr = short.Cr[:5]
	if i.Advance(other) == nil || i.Advance(short) == nil {
		t.Error("Advance took a picture of another size")
	}
	if _, err := i.Between(good, other, good); err == nil {
		t.Error("Between took a picture of another size")
	}
	if _, err := New(15, 64); err == nil {
		t.Error("New took an odd size")
	}
}

func BenchmarkBetween(b *testing.B) {
	for _, size := range [][2]int{{640, 360}, {1280, 720}, {1920, 1080}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			f := texture(3)
			before, after := scene(size[0], size[1], 64, f), scene(size[0], size[1], 64, moved(f, 8, 4))
			out := scene(size[0], size[1], 64, f)
			i, err := New(size[0], size[1])
			if err != nil {
				b.Fatal(err)
			}
			defer i.Close()
			if err := i.Advance(before); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := i.Advance(after); err != nil {
					b.Fatal(err)
				}
				if _, err := i.Between(before, after, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
