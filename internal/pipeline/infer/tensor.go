package infer

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"quicedge/models"
)

// tensorRun is the one tensor that pictures are converted into, with the output, for one size. Of the two element types one is
// used for each.
type tensorRun struct {
	binding       *ort.IoBinding
	width, height int
	convert       converter

	bytesIn, bytesOut   *ort.Tensor[uint8]
	floatsIn, floatsOut *ort.Tensor[float32]
}

// ErrSize says that a model which makes pictures of one size was given another.
var ErrSize = errors.New("the picture has not the size that the model takes")

// Image runs a model that makes pictures, of any colour but yuv420, and writes the picture to out, which has the size of in. A
// model of luma writes luma alone.
func (s *Session) Image(in, out Planes) error {
	if w := s.model.Input.Width; w != 0 && (w != in.Width || s.model.Input.Height != in.Height) {
		return fmt.Errorf("run model %s: %w: %dx%d, it takes %dx%d", s.model.Ref(), ErrSize, in.Width, in.Height, w, s.model.Input.Height)
	}
	if err := s.run(in); err != nil {
		return err
	}
	t := &s.tensor
	if s.model.Input.Type == models.Uint8 {
		t.convert.bytesBack(t.bytesOut.GetData(), out)
	} else {
		t.convert.floatsBack(t.floatsOut.GetData(), out)
	}
	return nil
}

// Mask runs a model that says how much each pixel counts, and returns that, 0 to 1, with its size. It is valid until the next run.
func (s *Session) Mask(in Planes) (mask []float32, width, height int, err error) {
	if err := s.run(in); err != nil {
		return nil, 0, 0, err
	}
	return s.tensor.floatsOut.GetData(), s.tensor.width, s.tensor.height, nil
}

// Scores runs a classifier and returns a number for each label. It is valid until the next run.
func (s *Session) Scores(in Planes) ([]float32, error) {
	if err := s.run(in); err != nil {
		return nil, err
	}
	return s.tensor.floatsOut.GetData(), nil
}

// run converts the picture and runs the model.
func (s *Session) run(in Planes) error {
	if err := s.prepare(in); err != nil {
		return fmt.Errorf("bind picture of %dx%d to model %s: %w", in.Width, in.Height, s.model.Ref(), err)
	}
	t := &s.tensor
	if s.model.Input.Type == models.Uint8 {
		t.convert.bytes(in, t.bytesIn.GetData())
	} else {
		t.convert.floats(in, t.floatsIn.GetData())
	}
	if s.provider == models.CUDA { // it takes a copy of an input when that is bound
		if err := s.bindTensor(); err != nil {
			return err
		}
	}
	if err := s.session.RunWithBinding(t.binding); err != nil {
		return fmt.Errorf("run model %s on %dx%d: %w", s.model.Ref(), in.Width, in.Height, err)
	}
	return nil
}

// prepare makes tensors for the size of in, unless they are there.
func (s *Session) prepare(in Planes) error {
	if s.model.Input.Colour == models.YUV420 {
		return errors.New("it takes planes, not one tensor")
	}
	width, height := s.model.Input.Width, s.model.Input.Height
	if width == 0 {
		width, height = in.Width, in.Height
	}
	t := &s.tensor
	t.convert.fit(s.model.Input, in, width, height)
	if t.binding != nil && t.width == width && t.height == height {
		return nil
	}
	t.free()
	if err := s.grow(width * height); err != nil {
		return err
	}
	t.width, t.height = width, height
	if err := s.makeTensors(); err != nil {
		return err
	}
	var err error
	if t.binding, err = s.session.CreateIoBinding(); err != nil {
		return err
	}
	return s.bindTensor()
}

func (s *Session) makeTensors() (err error) {
	t, in := &s.tensor, s.model.Input
	shape := pictureShape(in.Layout, in.Channels(), t.width, t.height)
	result := shape
	switch s.model.Output.Use {
	case models.Mask:
		result = s.maskShape()
	case models.Scores:
		result = s.shape.Clone()
		for i := range result {
			result[i] = 1
		}
		result[len(result)-1] = int64(len(s.model.Output.Labels))
	}
	if in.Type == models.Uint8 {
		t.bytesIn, err = ort.NewEmptyTensor[uint8](shape)
	} else {
		t.floatsIn, err = ort.NewEmptyTensor[float32](shape)
	}
	if err != nil {
		return err
	}
	if in.Type == models.Uint8 && s.model.Output.Use == models.Image {
		t.bytesOut, err = ort.NewEmptyTensor[uint8](result)
	} else {
		t.floatsOut, err = ort.NewEmptyTensor[float32](result)
	}
	return err
}

func pictureShape(layout models.Layout, channels, width, height int) ort.Shape {
	if layout == models.NHWC {
		return ort.NewShape(1, int64(height), int64(width), int64(channels))
	}
	return ort.NewShape(1, int64(channels), int64(height), int64(width))
}

// maskShape is the shape of a mask: as many dimensions as the graph says, of which the sizes are those of the input.
func (s *Session) maskShape() ort.Shape {
	width, height := int64(s.tensor.width), int64(s.tensor.height)
	switch {
	case len(s.shape) == 2:
		return ort.NewShape(height, width)
	case len(s.shape) == 3:
		return ort.NewShape(1, height, width)
	}
	return pictureShape(s.model.Input.Layout, 1, s.tensor.width, s.tensor.height)
}

func (s *Session) bindTensor() error {
	t := &s.tensor
	in, out := ort.Value(t.floatsIn), ort.Value(t.floatsOut)
	if t.bytesIn != nil {
		in = t.bytesIn
	}
	if t.bytesOut != nil {
		out = t.bytesOut
	}
	if err := t.binding.BindInput(s.model.Input.Name, in); err != nil {
		return err
	}
	if err := t.binding.BindOutput(s.model.Output.Name, out); err != nil {
		return err
	}
	return s.bindScalars(t.binding)
}

func (t *tensorRun) free() {
	if t.binding != nil {
		destroy(t.binding)
	}
	for _, b := range []*ort.Tensor[uint8]{t.bytesIn, t.bytesOut} {
		if b != nil {
			destroy(b)
		}
	}
	for _, f := range []*ort.Tensor[float32]{t.floatsIn, t.floatsOut} {
		if f != nil {
			destroy(f)
		}
	}
	*t = tensorRun{convert: t.convert}
}
