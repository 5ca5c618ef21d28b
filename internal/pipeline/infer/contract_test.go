package infer

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"quicedge/models"
	"quicedge/models/onnx"
)

// picture has soft gradients of luma and chroma, without what 4:2:0 cannot hold.
func picture(width, height int) Planes {
	p := madeUp(width, height, func(int) byte { return 128 })
	for y := range height {
		for x := range width {
			p.Y[y*p.Stride+x] = byte(60 + 100*x/width + 50*y/height)
		}
	}
	for y := range height / 2 {
		for x := range width / 2 {
			p.Cb[y*p.Stride/2+x], p.Cr[y*p.Stride/2+x] = byte(110+30*x/width), byte(120+20*y/height)
		}
	}
	return p
}

func like(p Planes) Planes {
	out := madeUp(p.Width, p.Height, func(int) byte { return 0 })
	out.Full, out.HD = p.Full, p.HD
	return out
}

// same is a model that gives its input back, after op.
func same(in models.Input, op func(g *onnx.Graph, x string) string) models.Model {
	g := &onnx.Graph{}
	kind := map[models.Type]uint64{models.Uint8: onnx.Uint8, models.Float32: onnx.Float}[in.Type]
	shape := []any{1, in.Channels(), "h", "w"}
	if in.Layout == models.NHWC {
		shape = []any{1, "h", "w", in.Channels()}
	}
	g.Input("x", kind, shape...)
	g.Output("out", kind, shape...)
	g.OpTo("out", "Identity", []string{op(g, "x")})
	in.Name = "x"
	return models.Model{Name: "same", Version: 1, Input: in, Output: models.Output{Name: "out", Use: models.Image}, ONNX: g.Encode("same")}
}

func openModel(t *testing.T, m models.Model) *Session {
	t.Helper()
	s, err := Open(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestPictureComesBackThroughEveryContract(t *testing.T) {
	as := func(_ *onnx.Graph, x string) string { return x }
	for _, layout := range []models.Layout{models.NCHW, models.NHWC} {
		for _, colour := range []models.Colour{models.Luma, models.RGB, models.BGR} {
			for _, in := range []models.Input{
				{Type: models.Uint8, Range: models.Bytes},
				{Type: models.Float32, Range: models.Bytes},
				{Type: models.Float32, Range: models.Unit},
				{Type: models.Float32, Range: models.Signed},
				{Type: models.Float32, Range: models.Normal},
			} {
				in.Layout, in.Colour = layout, colour
				if in.Range == models.Normal {
					in.Mean, in.Std = []float32{0.485, 0.456, 0.406}[:in.Channels()], []float32{0.229, 0.224, 0.225}[:in.Channels()]
				}
				for _, full := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %s %s %s full %v", layout, colour, in.Type, in.Range, full), func(t *testing.T) {
						p := picture(96, 64)
						p.Full, p.HD = full, !full
						out := like(p)
						if err := openModel(t, same(in, as)).Image(p, out); err != nil {
							t.Fatal(err)
						}
						near(t, "luma", p, out.Y, p.Y, p.Stride, p.Width, p.Height)
						if colour != models.Luma {
							near(t, "cb", p, out.Cb, p.Cb, p.Stride/2, p.Width/2, p.Height/2)
							near(t, "cr", p, out.Cr, p.Cr, p.Stride/2, p.Width/2, p.Height/2)
						}
					})
				}
			}
		}
	}
}

// near allows what rounding to bytes of RGB costs.
func near(t *testing.T, what string, p Planes, got, want []byte, stride, width, height int) {
	t.Helper()
	for y := range height {
		for x := range width {
			if d := int(got[y*stride+x]) - int(want[y*stride+x]); d < -2 || d > 2 {
				t.Fatalf("%s at %d,%d is %d, want %d", what, x, y, got[y*stride+x], want[y*stride+x])
			}
		}
	}
}

func TestChannelsAreInTheOrderOfTheContract(t *testing.T) {
	red := madeUp(16, 16, func(int) byte { return 81 }) // (255, 0, 0) in BT.601: 81, 90, 240
	for i := range red.Cb {
		red.Cb[i], red.Cr[i] = 90, 240
	}
	for colour, first := range map[models.Colour]float32{models.RGB: 1, models.BGR: 0} {
		s := openModel(t, same(models.Input{Type: models.Float32, Layout: models.NCHW, Colour: colour, Range: models.Unit},
			func(_ *onnx.Graph, x string) string { return x }))
		if err := s.run(red); err != nil {
			t.Fatal(err)
		}
		if got := s.tensor.floatsIn.GetData()[0]; math.Abs(float64(got-first)) > 0.02 {
			t.Errorf("the first channel of red as %s is %v, want %v", colour, got, first)
		}
	}
}

func TestScoresOfColoursAreWhatTheirManifestSays(t *testing.T) {
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	s := openModel(t, all[1])
	plain := func(y, cb, cr byte) Planes {
		p := madeUp(320, 180, func(i int) byte { return y + byte(i*2654435761>>13)%16 })
		for i := range p.Cb {
			p.Cb[i], p.Cr[i] = cb, cr
		}
		return p
	}
	flat := madeUp(320, 180, func(int) byte { return 128 })
	for name, c := range map[string]struct {
		p    Planes
		want map[string]bool
	}{
		"skin":   {plain(120, 102, 153), map[string]bool{"skin": true}},
		"black":  {plain(16, 128, 128), map[string]bool{"dark": true}},
		"white":  {plain(220, 128, 128), map[string]bool{"bright": true}},
		"flat":   {flat, map[string]bool{"flat": true}},
		"normal": {picture(320, 180), map[string]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			scores, err := s.Scores(c.p)
			if err != nil {
				t.Fatal(err)
			}
			for i, label := range s.Model().Output.Labels {
				if (scores[i] > 0.5) != c.want[label] && label != "flat" || label == "flat" && c.want["flat"] && scores[i] < 0.5 {
					t.Errorf("%s is %v", label, scores[i])
				}
			}
		})
	}
}

func TestOpenRefusesAGraphThatDoesNotFitItsContract(t *testing.T) {
	good := models.Input{Type: models.Float32, Layout: models.NCHW, Colour: models.RGB, Range: models.Unit}
	for name, c := range map[string]struct {
		edit func(m *models.Model)
		want string
	}{
		"name":      {func(m *models.Model) { m.Input.Name = "image" }, "the manifest says nothing of it"},
		"type":      {func(m *models.Model) { m.Input.Type, m.Input.Range = models.Uint8, models.Bytes }, "it is float in the graph, uint8 in the manifest"},
		"layout":    {func(m *models.Model) { m.Input.Layout = models.NHWC }, "in layout NHWC is one size only"},
		"channels":  {func(m *models.Model) { m.Input.Colour = models.Luma }, "colour luma"},
		"output":    {func(m *models.Model) { m.Output.Name = "y" }, "output.name y: the graph has out"},
		"parameter": {func(m *models.Model) { m.Parameters = []models.Parameter{{Name: "gain"}} }, "the graph has no input gain: it has x"},
		"labels":    {func(m *models.Model) { m.Output.Use, m.Output.Labels = models.Scores, []string{"a"} }, ""},
		"planes":    {func(m *models.Model) { m.Input.Colour = models.YUV420 }, "the manifest says nothing of it"},
	} {
		t.Run(name, func(t *testing.T) {
			m := same(good, func(_ *onnx.Graph, x string) string { return x })
			c.edit(&m)
			s, err := Open(m)
			if err == nil && name == "labels" { // the graph leaves its last dimension open: the proof finds out
				t.Cleanup(s.Close)
				err = s.Prove()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestOpenRefusesAFixedSizeThatTheContractDoesNotName(t *testing.T) {
	g := &onnx.Graph{}
	g.Input("x", onnx.Float, 1, 3, 32, 32)
	g.Output("out", onnx.Float, 1, 3, 32, 32)
	g.OpTo("out", "Identity", []string{"x"})
	m := models.Model{
		Name: "fixed", Version: 1, ONNX: g.Encode("fixed"), Output: models.Output{Name: "out", Use: models.Image},
		Input: models.Input{Name: "x", Type: models.Float32, Layout: models.NCHW, Colour: models.RGB, Range: models.Unit},
	}
	if _, err := Open(m); err == nil || !strings.Contains(err.Error(), "write that as input.width and input.height") {
		t.Errorf("Open = %v", err)
	}
	m.Input.Width, m.Input.Height = 32, 32
	s := openModel(t, m)
	p := picture(64, 64)
	if err := s.Image(p, like(p)); err == nil || !strings.Contains(err.Error(), "64x64, it takes 32x32") {
		t.Errorf("Image = %v", err)
	}
}

func TestProofRefusesWhatIsNoNumber(t *testing.T) {
	in := models.Input{Type: models.Float32, Layout: models.NCHW, Colour: models.RGB, Range: models.Unit}
	s := openModel(t, same(in, func(g *onnx.Graph, x string) string {
		zero := g.Op("Sub", []string{x, x})
		return g.Op("Div", []string{zero, zero})
	}))
	if err := s.Prove(); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("Prove = %v", err)
	}
}

func TestEveryShippedModelIsProven(t *testing.T) {
	all, err := models.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		s := openModel(t, m)
		if err := s.Prove(); err != nil {
			t.Error(err)
		}
		if p, why := s.Provider(); p != models.CUDA && (p != models.CPU || why == "") {
			t.Errorf("%s runs on %q, because %q", m.Ref(), p, why)
		}
	}
}
