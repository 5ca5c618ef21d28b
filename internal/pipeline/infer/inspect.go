package infer

import (
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"quicedge/models"
)

// inspect compares the graph with the contract, and notes the names of its inputs. The error says what differs and which of the
// two to change.
func (s *Session) inspect() error {
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(s.model.ONNX)
	if err != nil {
		return fmt.Errorf("%s is no model that ONNX Runtime %s can read: %w", s.model.File, ort.GetVersion(), err)
	}
	if err := s.inspectInputs(inputs); err != nil {
		return err
	}
	i := slices.IndexFunc(outputs, func(o ort.InputOutputInfo) bool { return o.Name == s.model.Output.Name })
	if i < 0 {
		return fmt.Errorf("output.name %s: the graph has %s", s.model.Output.Name, listed(outputs))
	}
	s.shape = outputs[i].Dimensions
	return s.inspectOutput(outputs[i])
}

func (s *Session) inspectInputs(inputs []ort.InputOutputInfo) error {
	need := map[string]bool{}
	for _, name := range s.pictureInputs() {
		need[name] = true
	}
	for _, p := range s.model.Parameters {
		need[p.Name] = true
	}
	for _, in := range inputs {
		if err := s.inspectInput(in); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
		delete(need, in.Name)
		s.takes = append(s.takes, in.Name)
	}
	for name := range need {
		return fmt.Errorf("the graph has no input %s: it has %s; correct the manifest", name, listed(inputs))
	}
	return nil
}

func (s *Session) pictureInputs() []string {
	if s.model.Input.Colour == models.YUV420 {
		return []string{"y", "cb", "cr"}
	}
	return []string{s.model.Input.Name}
}

func (s *Session) inspectInput(in ort.InputOutputInfo) error {
	isParameter := slices.ContainsFunc(s.model.Parameters, func(p models.Parameter) bool { return p.Name == in.Name })
	switch {
	case isParameter:
		return typed(in, models.Float32, "a parameter is one float32")
	case slices.Contains(s.pictureInputs(), in.Name):
		if err := typed(in, s.model.Input.Type, "correct input.type"); err != nil {
			return err
		}
		return s.inspectShape(in.Dimensions)
	case s.model.Input.Colour == models.YUV420 && (in.Name == "width" || in.Name == "height"):
		if in.DataType != ort.TensorElementDataTypeInt64 {
			return fmt.Errorf("it is %s: the picture's size is int64", typeName(in))
		}
		return nil
	}
	return fmt.Errorf("the manifest says nothing of it: add it to parameters, or remove it from the graph")
}

func typed(in ort.InputOutputInfo, want models.Type, cure string) error {
	types := map[models.Type]ort.TensorElementDataType{models.Uint8: ort.TensorElementDataTypeUint8, models.Float32: ort.TensorElementDataTypeFloat}
	if in.OrtValueType != ort.ONNXTypeTensor || in.DataType != types[want] {
		return fmt.Errorf("it is %s in the graph, %s in the manifest: %s", typeName(in), want, cure)
	}
	return nil
}

// typeName is how ONNX calls the type: "float", "uint8", "int64".
func typeName(in ort.InputOutputInfo) string {
	return strings.ToLower(strings.TrimPrefix(in.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}

// inspectShape compares the dimensions of a picture; those that the graph leaves open (-1) take any.
func (s *Session) inspectShape(has ort.Shape) error {
	in := s.model.Input
	want := []int64{1, int64(in.Channels()), int64(in.Height), int64(in.Width)}
	if in.Layout == models.NHWC {
		want = []int64{1, int64(in.Height), int64(in.Width), int64(in.Channels())}
	}
	if len(has) != len(want) {
		return fmt.Errorf("it has %d dimensions, a picture of layout %s has 4", len(has), in.Layout)
	}
	fixed := false // where the contract leaves it open
	for i, d := range want {
		switch {
		case has[i] == d || has[i] < 0:
		case d == 0:
			fixed = true
		default:
			return fmt.Errorf("its shape is %s, layout %s, colour %s and size %dx%d make %s; correct one of them", has, in.Layout, in.Colour, in.Width, in.Height, ort.Shape(want))
		}
	}
	if fixed {
		return fmt.Errorf("its shape is %s, which in layout %s is one size only: write that as input.width and input.height, or correct the layout", has, in.Layout)
	}
	return nil
}

func (s *Session) inspectOutput(out ort.InputOutputInfo) error {
	want := models.Float32
	if s.model.Output.Use == models.Image {
		want = s.model.Input.Type
	}
	if err := typed(out, want, "an image has the type of the input, masks and scores are float32"); err != nil {
		return fmt.Errorf("output %s: %w", out.Name, err)
	}
	if s.model.Output.Use == models.Scores {
		labels := int64(len(s.model.Output.Labels))
		if n := len(out.Dimensions); n == 0 || (out.Dimensions[n-1] != labels && out.Dimensions[n-1] >= 0) {
			return fmt.Errorf("output %s: its shape is %s, and output.labels has %d entries: name each score", out.Name, out.Dimensions, labels)
		}
	}
	return nil
}

func listed(values []ort.InputOutputInfo) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}
