package main

import "fmt"

// value is an input or output of a model, as the manifest shows it: a dimension is a number or a name.
type value struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []any  `json:"shape"`
}

// encode returns v as an onnx.ValueInfoProto.
func (v value) encode() message {
	var shape message
	for _, d := range v.Shape {
		var dim message
		switch d := d.(type) {
		case int:
			dim.varint(1, uint64(d))
		case string:
			dim.text(2, d)
		default:
			panic(fmt.Sprintf("dimension %v of %s", d, v.Name))
		}
		shape.bytes(1, dim)
	}
	var tensor message
	tensor.varint(1, map[string]uint64{"uint8": typeUint8, "int64": typeInt64}[v.Type])
	tensor.bytes(2, shape)
	var kind message
	kind.bytes(1, tensor)
	var info message
	info.text(1, v.Name)
	info.bytes(2, kind)
	return info
}
