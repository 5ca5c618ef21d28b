// Package onnx writes ONNX models: a graph of operators with constants, as protobuf. Generators and tests use it.
package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The element types of onnx.TensorProto.DataType.
const (
	Float = 1
	Uint8 = 2
	Int64 = 7
)

// Attribute types of onnx.AttributeProto.AttributeType.
const (
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

// irVersion 8 is the one that opset 17 came with (ONNX 1.12).
const (
	irVersion = 8
	opset     = 17
)

// message is a protobuf message being written. Field numbers are those of onnx.proto; fields are written in the order
// of the calls, so the same graph always gives the same bytes.
type message []byte

func (m *message) varint(field protowire.Number, v uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
}

func (m *message) bytes(field protowire.Number, v []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), v)
}

func (m *message) text(field protowire.Number, v string) { m.bytes(field, []byte(v)) }

// Graph collects the parts of an onnx.GraphProto. A value is named by the string that Op and the constants return.
type Graph struct {
	nodes, constants, inputs, outputs []message
	values                            int
}

// Input adds an input of an element type. A dimension is a number or the name of what it depends on.
func (g *Graph) Input(name string, dataType uint64, shape ...any) {
	g.inputs = append(g.inputs, valueInfo(name, dataType, shape))
}

// Output adds an output, which an operator must give.
func (g *Graph) Output(name string, dataType uint64, shape ...any) {
	g.outputs = append(g.outputs, valueInfo(name, dataType, shape))
}

func (g *Graph) fresh(prefix string) string {
	g.values++
	return fmt.Sprintf("%s_%d", prefix, g.values)
}

// Attr is one attribute of an operator.
type Attr struct {
	name  string
	value any
}

// With is an attribute: an int, a string or a []int.
func With(name string, value any) Attr { return Attr{name, value} }

func (a Attr) encode() message {
	var m message
	m.text(1, a.name)
	switch v := a.value.(type) {
	case int:
		m.varint(3, uint64(v))
		m.varint(20, attrInt)
	case string:
		m.text(4, v)
		m.varint(20, attrString)
	case []int:
		for _, i := range v {
			m.varint(8, uint64(i))
		}
		m.varint(20, attrInts)
	default:
		panic(fmt.Sprintf("attribute %s of type %T", a.name, v))
	}
	return m
}

// Op adds a node with one output and returns the output's name; an empty input is an optional one left out.
func (g *Graph) Op(kind string, inputs []string, attrs ...Attr) string {
	return g.OpTo(g.fresh(kind), kind, inputs, attrs...)
}

// OpTo is Op with a name for the output.
func (g *Graph) OpTo(output, kind string, inputs []string, attrs ...Attr) string {
	var m message
	for _, in := range inputs {
		m.text(1, in)
	}
	m.text(2, output)
	m.text(3, "make_"+output)
	m.text(4, kind)
	for _, a := range attrs {
		m.bytes(5, a.encode())
	}
	g.nodes = append(g.nodes, m)
	return output
}

func (g *Graph) constant(dims []int, dataType uint64, raw []byte) string {
	name := g.fresh("const")
	var m message
	for _, d := range dims {
		m.varint(1, uint64(d))
	}
	m.varint(2, dataType)
	m.text(8, name)
	m.bytes(9, raw)
	g.constants = append(g.constants, m)
	return name
}

// Floats adds a constant of floats and returns its name.
func (g *Graph) Floats(dims []int, values ...float32) string {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return g.constant(dims, Float, raw)
}

// Scalar is a float of no dimensions: it broadcasts.
func (g *Graph) Scalar(v float32) string { return g.Floats(nil, v) }

// Ints adds a constant row of whole numbers and returns its name.
func (g *Graph) Ints(values ...int64) string {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return g.constant([]int{len(values)}, Int64, raw)
}

// Encode returns the graph as an onnx.ModelProto.
func (g *Graph) Encode(name string) []byte {
	var body message
	for _, n := range g.nodes {
		body.bytes(1, n)
	}
	body.text(2, name)
	for _, c := range g.constants {
		body.bytes(5, c)
	}
	for _, in := range g.inputs {
		body.bytes(11, in)
	}
	for _, out := range g.outputs {
		body.bytes(12, out)
	}
	var operators message
	operators.text(1, "")
	operators.varint(2, opset)

	var model message
	model.varint(1, irVersion)
	model.text(2, "quicedge models/gen")
	model.bytes(7, body)
	model.bytes(8, operators)
	return model
}
