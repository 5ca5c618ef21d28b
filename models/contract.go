package models

// Layout is the order of an input's or output's dimensions.
type Layout string

// The layouts: channels before rows, or after columns.
const (
	NCHW Layout = "NCHW"
	NHWC Layout = "NHWC"
)

// Colour is what the channels of a tensor are.
type Colour string

// The colours. YUV420 is the decoder's own three planes, as three inputs of bytes named y, cb and cr with rows as long as the
// decoder has them in memory; nothing is copied. The others are one tensor, made from the picture.
const (
	Luma   Colour = "luma"
	RGB    Colour = "rgb"
	BGR    Colour = "bgr"
	YUV420 Colour = "yuv420"
)

// Range is what black and white are as numbers.
type Range string

// The ranges. Normal takes 0 to 1, subtracts Mean and divides by Std, channel by channel.
const (
	Bytes  Range = "0..255"
	Unit   Range = "0..1"
	Signed Range = "-1..1"
	Normal Range = "mean/std"
)

// Type is the element type of a tensor.
type Type string

// The element types.
const (
	Uint8   Type = "uint8"
	Float32 Type = "float32"
)

// Input says how a picture becomes the model's input.
type Input struct {
	// Name is that of the graph's input; with YUV420 the names are y, cb and cr, and the graph may take the picture's size too,
	// as width and height, one int64 each.
	Name   string `json:"name,omitempty"`
	Type   Type   `json:"type"`
	Layout Layout `json:"layout"`
	Colour Colour `json:"colour"`
	Range  Range  `json:"range"`
	// Mean and Std belong to Normal: one number for each channel, in the order of the channels.
	Mean []float32 `json:"mean,omitempty"`
	Std  []float32 `json:"std,omitempty"`
	// Width and Height are the size that a picture is scaled to; 0 and 0 take it as it is.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
}

// Channels is the number of channels of one tensor.
func (in Input) Channels() int {
	if in.Colour == RGB || in.Colour == BGR {
		return 3
	}
	return 1
}

// Use is what a model's output is for.
type Use string

// The uses: the new picture, how much each pixel counts (0 to 1), or one number for each label.
const (
	Image  Use = "image"
	Mask   Use = "mask"
	Scores Use = "scores"
)

// Output says what the model's output is. An image has layout, colour and range of the input; that of YUV420 is the luma plane,
// as bytes and without padding.
type Output struct {
	Name   string   `json:"name"`
	Use    Use      `json:"use"`
	Labels []string `json:"labels,omitempty"`
}

// Parameter is an input of one float32 that a pipeline sets.
type Parameter struct {
	Name    string  `json:"name"`
	Default float32 `json:"default"`
	Min     float32 `json:"min"`
	Max     float32 `json:"max"`
}

// Provider is where ONNX Runtime computes.
type Provider string

// The providers. Auto is CUDA where the library offers it and it starts, else the CPU.
const (
	Auto Provider = "auto"
	CPU  Provider = "cpu"
	CUDA Provider = "cuda"
)

// Options are those of ONNX Runtime for one model. The zero value is one thread, every optimization of the graph, memory kept
// from picture to picture, threads that sleep while they wait, and the CPU.
type Options struct {
	Threads  int      `json:"threads,omitempty"`
	Graph    string   `json:"graph,omitempty"`    // all, extended, basic or none
	NoArena  bool     `json:"no_arena,omitempty"` // give memory back after each picture
	Spin     bool     `json:"spin,omitempty"`     // threads wait at full speed
	Provider Provider `json:"provider,omitempty"`
}
