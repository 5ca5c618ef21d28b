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
	session *ort.DynamicAdvancedSession
	binding *ort.IoBinding
	width   *ort.Tensor[int64]
}

// Open loads a model (6 ms). threads is how many threads one picture may use.
func Open(onnx []byte, threads int) (*Session, error) {
	options, err := sessionOptions(threads)
	if err != nil {
		return nil, fmt.Errorf("set up onnx session: %w", err)
	}
	defer func() { _ = options.Destroy() }()
	s := &Session{}
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(onnx, []string{"y", "cb", "cr", "width"}, []string{"out"}, options)
	if err != nil {
		return nil, fmt.Errorf("load onnx model: %w", err)
	}
	if s.binding, err = s.session.CreateIoBinding(); err != nil {
		s.Close()
		return nil, fmt.Errorf("bind onnx model: %w", err)
	}
	if s.width, err = ort.NewEmptyTensor[int64](ort.NewShape(1)); err == nil {
		err = s.binding.BindInput("width", s.width)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("bind onnx model: %w", err)
	}
	return s, nil
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
	_ = s.session.Destroy()
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
