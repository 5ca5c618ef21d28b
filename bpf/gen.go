// Package bpf holds the kernel side of the data plane: the programs' C sources, the object that they compile to, and the Go
// types of its map keys, values and enums. Loading and attaching are package dataplane's.
package bpf

//go:generate ./generate.sh
