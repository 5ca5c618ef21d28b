package infer

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Planes is a picture in planar 4:2:0 with 8 bits a sample, as a decoder leaves it: luma rows Stride bytes apart, chroma
// rows Stride/2. Width, Height and Stride are even; Y is Stride x Height bytes, Cb and Cr a quarter of that.
type Planes struct {
	Y, Cb, Cr             []byte
	Stride, Width, Height int
}

// Session is a loaded model that takes planes and the width, and gives luma: inputs y, cb, cr, width, output out (see
// models/manifest.json). It is for one goroutine.
type Session struct {
	onnx    []byte
	threads int
	largest int // pixels of a picture so far

	session *ort.DynamicAdvancedSession
	binding *ort.IoBinding
	width   *ort.Tensor[int64]
}

// trimPixels is the size from which Trim has something to give back: 1280x720 takes 40 MB.
const trimPixels = 1280 * 720

// Open loads a model (6 ms). threads is how many threads one picture may use.
func Open(onnx []byte, threads int) (*Session, error) {
	s := &Session{onnx: onnx, threads: threads}
	if err := s.load(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Session) load() error {
	options, err := sessionOptions(s.threads)
	if err != nil {
		return fmt.Errorf("set up onnx session: %w", err)
	}
	defer func() { _ = options.Destroy() }()
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(s.onnx, []string{"y", "cb", "cr", "width"}, []string{"out"}, options)
	if err != nil {
		return fmt.Errorf("load onnx model: %w", err)
	}
	if s.binding, err = s.session.CreateIoBinding(); err != nil {
		return fmt.Errorf("bind onnx model: %w", err)
	}
	if s.width, err = ort.NewEmptyTensor[int64](ort.NewShape(1)); err == nil {
		err = s.binding.BindInput("width", s.width)
	}
	if err != nil {
		return fmt.Errorf("bind onnx model: %w", err)
	}
	return nil
}

// Trim gives back the memory that a large picture took. ONNX Runtime keeps it for the next picture, which is five
// times as fast at 1080p, but a worker lives for weeks and the next job is a small one: the model is loaded anew.
func (s *Session) Trim() error {
	if s.largest <= trimPixels {
		return nil
	}
	s.Close()
	s.largest = 0
	return s.load()
}

// grow prepares for a picture of so many pixels. What the model needs doubles with each extension of its arena, so for a
// large picture it starts from an empty one.
func (s *Session) grow(pixels int) error {
	if pixels > max(s.largest, trimPixels) && s.largest > 0 {
		s.Close()
		if err := s.load(); err != nil {
			return err
		}
	}
	s.largest = max(s.largest, pixels)
	return nil
}

func sessionOptions(threads int) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(threads) },
		func() error { return o.SetInterOpNumThreads(1) },
		// Spinning threads wait for work at full speed: twice the CPU for the same picture.
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
	} {
		if err := set(); err != nil {
			_ = o.Destroy()
			return nil, err
		}
	}
	return o, nil
}

// Run computes the model on the planes where they lie and writes luma, Width x Height bytes without padding, to out.
// It only reads the planes.
func (s *Session) Run(in Planes, out []byte) error {
	if len(out) < in.Width*in.Height {
		return fmt.Errorf("run onnx model: output of %d bytes for %dx%d", len(out), in.Width, in.Height)
	}
	if err := s.grow(in.Width * in.Height); err != nil {
		return err
	}
	s.width.GetData()[0] = int64(in.Width)
	height, stride := int64(in.Height), int64(in.Stride)
	b := binder{binding: s.binding}
	defer b.release()
	b.input("y", in.Y, height, stride)
	b.input("cb", in.Cb, height/2, stride/2)
	b.input("cr", in.Cr, height/2, stride/2)
	b.output("out", out, height, int64(in.Width))
	if b.err != nil {
		return fmt.Errorf("bind %dx%d planes: %w", in.Width, in.Height, b.err)
	}
	if err := s.session.RunWithBinding(s.binding); err != nil {
		return fmt.Errorf("run onnx model on %dx%d: %w", in.Width, in.Height, err)
	}
	return nil
}

// Close frees the model.
func (s *Session) Close() {
	if s.width != nil {
		_ = s.width.Destroy()
	}
	if s.binding != nil {
		_ = s.binding.Destroy()
	}
	if s.session != nil {
		_ = s.session.Destroy()
	}
	s.width, s.binding, s.session = nil, nil, nil
}

// binder wraps planes as tensors for one run. A tensor is a header over the plane's own memory: 1.3 us, no copy.
type binder struct {
	binding *ort.IoBinding
	tensors []*ort.Tensor[uint8]
	err     error
}

func (b *binder) input(name string, plane []byte, height, stride int64) {
	if t := b.wrap(plane, height, stride); t != nil {
		b.err = b.binding.BindInput(name, t)
	}
}

func (b *binder) output(name string, plane []byte, height, stride int64) {
	if t := b.wrap(plane, height, stride); t != nil {
		b.err = b.binding.BindOutput(name, t)
	}
}

func (b *binder) wrap(plane []byte, height, stride int64) *ort.Tensor[uint8] {
	if b.err != nil {
		return nil
	}
	if int64(len(plane)) < height*stride {
		b.err = fmt.Errorf("plane of %d bytes for %dx%d", len(plane), stride, height)
		return nil
	}
	t, err := ort.NewTensor(ort.NewShape(1, 1, height, stride), plane[:height*stride])
	if err != nil {
		b.err = err
		return nil
	}
	b.tensors = append(b.tensors, t)
	return t
}

func (b *binder) release() {
	for _, t := range b.tensors {
		_ = t.Destroy()
	}
}
