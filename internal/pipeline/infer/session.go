package infer

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"quicedge/models"
)

// Planes is a picture in planar 4:2:0 with 8 bits a sample: luma rows Stride bytes apart, chroma rows ChromaStride. Width and Height
// are even; Y is Stride x Height bytes, Cb and Cr ChromaStride x Height/2. A decoder leaves chroma rows half as far apart as luma's.
type Planes struct {
	Y, Cb, Cr            []byte
	Stride, ChromaStride int
	Width, Height        int
	// Full is full range (black is 0, not 16); HD the matrix of ITU-R BT.709 instead of BT.601. They matter to models that take RGB.
	Full, HD bool
}

// Session is a loaded model. It is for one goroutine.
type Session struct {
	model    models.Model
	provider models.Provider
	why      string // there is no CUDA
	largest  int    // pixels of a picture so far

	session *ort.DynamicAdvancedSession
	scalars map[string]*ort.Tensor[float32] // the parameters
	size    [2]*ort.Tensor[int64]           // width and height; nil where the graph does not ask
	takes   []string                        // the names of the graph's inputs
	shape   ort.Shape                       // of the output, as the graph declares it
	bound   map[place]*bound
	tensor  tensorRun
}

// trimPixels is the size from which Trim has something to give back: 1280x720 takes 40 MB.
const trimPixels = 1280 * 720

// Graph is what a session needs to know of a graph, and a look at it told: that costs as much as loading it.
type Graph struct {
	Inputs []string `json:"inputs"`
	Output []int64  `json:"output"` // the dimensions as the graph declares them, -1 where they are open
}

// Open loads a model, and refuses one whose graph does not fit its contract. The parameters have their defaults.
func Open(m models.Model) (*Session, error) { return Reopen(m, nil) }

// Reopen is Open without the look at the graph, for a model that has been opened before and told its Graph; nil looks.
func Reopen(m models.Model, known *Graph) (*Session, error) {
	s := &Session{model: m, scalars: map[string]*ort.Tensor[float32]{}, bound: map[place]*bound{}}
	var err error
	if known == nil {
		err = s.inspect()
	} else {
		s.takes, s.shape = known.Inputs, known.Output
	}
	if err == nil {
		err = s.load()
	}
	for _, p := range m.Parameters {
		if err == nil {
			s.scalars[p.Name], err = ort.NewTensor(ort.NewShape(1), []float32{p.Default})
		}
	}
	if err == nil {
		err = s.makeSize()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("load model %s: %w", m.Ref(), err)
	}
	return s, nil
}

// Graph returns what Reopen needs.
func (s *Session) Graph() Graph { return Graph{s.takes, s.shape} }

// Model returns what was loaded.
func (s *Session) Model() models.Model { return s.model }

// Provider is where it computes, and why that is not CUDA.
func (s *Session) Provider() (models.Provider, string) { return s.provider, s.why }

// Reset gives every parameter its default.
func (s *Session) Reset() {
	for _, p := range s.model.Parameters {
		s.scalars[p.Name].GetData()[0] = p.Default
	}
}

// Set gives a parameter its value, for the pictures to come.
func (s *Session) Set(name string, value float32) error {
	t, ok := s.scalars[name]
	if !ok {
		return fmt.Errorf("model %s has no parameter %s", s.model.Ref(), name)
	}
	t.GetData()[0] = value
	return nil
}

// Trim forgets the buffers of the last stream, and gives back the memory that a large picture took. ONNX Runtime keeps it for the
// next picture, which is five times as fast at 1080p, but a worker lives for weeks and the next job is a small one: the model is
// loaded anew.
func (s *Session) Trim() error {
	s.forget()
	if s.largest <= trimPixels {
		return nil
	}
	s.largest = 0
	return s.reload()
}

// grow prepares for a picture of so many pixels. What the model needs doubles with each extension of its arena, so for a
// large picture it starts from an empty one.
func (s *Session) grow(pixels int) error {
	if pixels > max(s.largest, trimPixels) && s.largest > 0 {
		if err := s.reload(); err != nil {
			return err
		}
	}
	s.largest = max(s.largest, pixels)
	return nil
}

func (s *Session) reload() error {
	s.unload()
	return s.load()
}

func (s *Session) unload() {
	s.forget()
	if s.session != nil {
		destroy(s.session)
		s.session = nil
	}
}

// Close frees the model.
func (s *Session) Close() {
	s.unload()
	for name, t := range s.scalars {
		if t != nil {
			destroy(t)
		}
		delete(s.scalars, name)
	}
	for i, t := range s.size {
		if t != nil {
			destroy(t)
			s.size[i] = nil
		}
	}
}

// destroy frees what ONNX Runtime holds. Its functions return errors, and none that can happen to an object that lives.
func destroy(x interface{ Destroy() error }) {
	if err := x.Destroy(); err != nil {
		panic(fmt.Sprintf("free %T: %v", x, err))
	}
}
