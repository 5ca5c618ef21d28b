package onnx

import "fmt"

// valueInfo returns an onnx.ValueInfoProto.
func valueInfo(name string, dataType uint64, shape []any) message {
	var dims message
	for _, d := range shape {
		var dim message
		switch d := d.(type) {
		case int:
			dim.varint(1, uint64(d))
		case string:
			dim.text(2, d)
		default:
			panic(fmt.Sprintf("dimension %v of %s", d, name))
		}
		dims.bytes(1, dim)
	}
	var tensor message
	tensor.varint(1, dataType)
	tensor.bytes(2, dims)
	var kind message
	kind.bytes(1, tensor)
	var info message
	info.text(1, name)
	info.bytes(2, kind)
	return info
}
