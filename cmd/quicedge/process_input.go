package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// input is the video that is read.
type input struct {
	io.Reader
	file *os.File // for a second reading; nil where there is none
	size int64    // bytes, -1 for unknown
}

// openInput opens a file, or standard input for "-". again says that it will be read a second time: what cannot be is copied on its
// way.
func (a *app) openInput(name string, again bool) (*input, error) {
	if name == "-" {
		return newInput(a.stdin, nil, again)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("open input %s: a folder: name a video file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if info.Mode().IsRegular() {
		return &input{Reader: f, file: f, size: info.Size()}, nil
	}
	return newInput(f, f, again) // a pipe has a name too
}

func newInput(r io.Reader, f *os.File, again bool) (*input, error) {
	in := &input{Reader: r, file: f, size: -1}
	if !again {
		return in, nil
	}
	var err error
	in.file, err = scratch()
	in.Reader = io.TeeReader(r, in.file)
	return in, err
}

func (i *input) close() {
	if i.file != nil {
		i.file.Close()
	}
}

// scratch makes a file without a name.
func scratch() (*os.File, error) {
	f, err := os.CreateTemp("", "quicedge-preview-*")
	if err != nil {
		return nil, fmt.Errorf("copy video for its preview: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("copy video for its preview: %w", err), f.Close())
	}
	return f, nil
}
