package models

import (
	"encoding/hex"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The limits of an entry. An entry must fit into one message to a worker, which is 64 KiB, and a verdict with a score for each label,
// all of them flagged, into one to the node.
const (
	maxSide       = 4096
	maxLabels     = 1000
	maxLabelBytes = 12000 // of all labels together
	maxName       = 64
	maxGraphName  = 255 // of an input or output of the graph
	maxText       = 2000
	maxThreads    = 64
	maxParameters = 32
)

// names are what can be written in a URL, a metric and a file name alike.
var names = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// ValidName says whether a model or a pipeline may be called so: small letters, digits and _, at most 64.
func ValidName(name string) bool { return len(name) <= maxName && names.MatchString(name) }

func validate(file string, all []Model) error {
	seen := map[string]bool{}
	marked := map[string]bool{}
	for i, m := range all {
		wrong := m.validate()
		switch {
		case wrong != nil:
		case seen[m.Ref()]:
			wrong = fmt.Errorf("it is listed twice: give each version its own number")
		case m.Default && marked[m.Name]:
			wrong = fmt.Errorf("default: another version is marked too: mark one")
		}
		if wrong != nil {
			return fmt.Errorf("read model manifest: %s: models[%d] (%s): %w", file, i, m.Ref(), wrong)
		}
		seen[m.Ref()] = true
		marked[m.Name] = marked[m.Name] || m.Default
	}
	return nil
}

func (m Model) validate() error {
	sum, err := hex.DecodeString(m.SHA256)
	switch {
	case !ValidName(m.Name):
		return fmt.Errorf("name %q: use small letters, digits and _, at most %d", m.Name, maxName)
	case m.Version < 1:
		return fmt.Errorf("version %d: use 1 or more", m.Version)
	case m.File == "" || m.File != path.Base(m.File) || m.File == "." || m.File == ".." || len(m.File) > 255:
		return fmt.Errorf("file %q: name a file beside the manifest, without a folder", m.File)
	case err != nil || len(sum) != 32 || m.SHA256 != strings.ToLower(m.SHA256):
		return fmt.Errorf("sha256 %q: write what sha256sum %s prints", m.SHA256, m.File)
	case max(len(m.Summary), len(m.Is), len(m.IsNot)) > maxText:
		return fmt.Errorf("summary, is and is_not: at most %d bytes each", maxText)
	}
	for _, check := range []func() error{m.Input.validate, m.Output.validate, m.parameters, m.Options.validate} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func oneOf[T ~string](key string, v T, known ...T) error {
	if slices.Contains(known, v) {
		return nil
	}
	var texts []string
	for _, k := range known {
		if k != "" {
			texts = append(texts, string(k))
		}
	}
	return fmt.Errorf("%s %q: use one of %s", key, v, strings.Join(texts, ", "))
}

func (in Input) validate() error {
	for _, err := range []error{
		oneOf("input.type", in.Type, Uint8, Float32),
		oneOf("input.layout", in.Layout, NCHW, NHWC),
		oneOf("input.colour", in.Colour, Luma, RGB, BGR, YUV420),
		oneOf("input.range", in.Range, Bytes, Unit, Signed, Normal),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case in.Colour == YUV420:
		return in.validatePlanes()
	case in.Name == "" || len(in.Name) > maxGraphName:
		return fmt.Errorf("input.name has %d bytes: write the name that the graph's input has, at most %d", len(in.Name), maxGraphName)
	case in.Type == Uint8 && in.Range != Bytes:
		return fmt.Errorf("input.range %q: bytes are 0..255; use that, or the type float32", in.Range)
	case (in.Width == 0) != (in.Height == 0) || min(in.Width, in.Height) < 0 || max(in.Width, in.Height) > maxSide:
		return fmt.Errorf("input size %dx%d: give both sides, 1 to %d, or neither", in.Width, in.Height, maxSide)
	}
	return in.validateNormal()
}

func (in Input) validatePlanes() error {
	if in.Type != Uint8 || in.Layout != NCHW || in.Range != Bytes || in.Width != 0 || in.Height != 0 || in.Name != "" || in.Mean != nil || in.Std != nil {
		return fmt.Errorf("input.colour yuv420: it takes the decoder's planes: use type uint8, layout NCHW, range 0..255, and neither name, size, mean nor std")
	}
	return nil
}

func (in Input) validateNormal() error {
	want := 0
	if in.Range == Normal {
		want = in.Channels()
	}
	if len(in.Mean) != want || len(in.Std) != want {
		return fmt.Errorf("input.mean has %d numbers and input.std %d: range %s and colour %s take %d each", len(in.Mean), len(in.Std), in.Range, in.Colour, want)
	}
	for _, v := range in.Std {
		if v <= 0 {
			return fmt.Errorf("input.std %v: use numbers above 0", v)
		}
	}
	return nil
}

func (o Output) validate() error {
	if err := oneOf("output.use", o.Use, Image, Mask, Scores); err != nil {
		return err
	}
	switch {
	case o.Name == "" || len(o.Name) > maxGraphName:
		return fmt.Errorf("output.name has %d bytes: write the name that the graph's output has, at most %d", len(o.Name), maxGraphName)
	case o.Use == Scores && (len(o.Labels) == 0 || len(o.Labels) > maxLabels):
		return fmt.Errorf("output.labels has %d entries: name each score, 1 to %d", len(o.Labels), maxLabels)
	case o.Use != Scores && len(o.Labels) > 0:
		return fmt.Errorf("output.labels: only scores have labels: remove them")
	}
	if n := len(strings.Join(o.Labels, "")); n > maxLabelBytes {
		return fmt.Errorf("output.labels have %d bytes together: at most %d, so that a verdict fits into one message; shorten them", n, maxLabelBytes)
	}
	for i, label := range o.Labels {
		if !ValidName(label) || slices.Contains(o.Labels[:i], label) {
			return fmt.Errorf("output.labels[%d] %q: use small letters, digits and _, each label once", i, label)
		}
	}
	return nil
}

func (m Model) parameters() error {
	if m.Output.Use != Image && m.Input.Colour == YUV420 {
		return fmt.Errorf("output.use %s: a model of colour yuv420 gives an image: use that, or luma or rgb as the input", m.Output.Use)
	}
	if len(m.Parameters) > maxParameters {
		return fmt.Errorf("parameters has %d entries: at most %d", len(m.Parameters), maxParameters)
	}
	taken := []string{m.Input.Name, "y", "cb", "cr", "width", "height"}
	for i, p := range m.Parameters {
		switch {
		case !ValidName(p.Name) || slices.Contains(taken, p.Name):
			return fmt.Errorf("parameters[%d].name %q: use small letters, digits and _, and no name of another input", i, p.Name)
		case math.IsInf(float64(p.Max-p.Min), 0) || p.Min > p.Default || p.Default > p.Max:
			return fmt.Errorf("parameters[%d] (%s): want min <= default <= max", i, p.Name)
		}
		taken = append(taken, p.Name)
	}
	return nil
}

func (o Options) validate() error {
	if o.Threads < 0 || o.Threads > maxThreads {
		return fmt.Errorf("options.threads %d: use 1 to %d", o.Threads, maxThreads)
	}
	if err := oneOf("options.graph", o.Graph, "", "all", "extended", "basic", "none"); err != nil {
		return err
	}
	return oneOf("options.provider", o.Provider, "", Auto, CPU, CUDA)
}
