package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is a file that appears under its name only when it is whole.
type output struct {
	io.Writer
	file  *os.File // nil for standard output
	name  string
	again *os.File // to read what was written; nil for standard output, unless that was asked for
}

// createOutput makes a file, or takes standard output for "-". again says that what is written will be read.
func createOutput(name string, stdout io.Writer, again bool) (*output, error) {
	if name == "-" {
		return standardOutput(stdout, again)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("create output %s: not a regular file: name another one", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, fmt.Errorf("create output: %w", err)
	}
	return &output{Writer: f, file: f, name: name, again: f}, nil
}

func standardOutput(stdout io.Writer, again bool) (*output, error) {
	if !again {
		return &output{Writer: stdout}, nil
	}
	f, err := scratch()
	return &output{Writer: io.MultiWriter(stdout, f), again: f}, err
}

// keep gives the file its name.
func (o *output) keep() error {
	if o.file == nil {
		return nil
	}
	o.again = nil
	err := errors.Join(o.file.Chmod(0o644), o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.name)
	}
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	o.file = nil
	return nil
}

// discard removes what was not kept.
func (o *output) discard() {
	if o.again != nil {
		o.again.Close()
	}
	if o.file != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}
