package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// manifest is the file: {"models": [...]}.
type manifest struct {
	Models []Model `json:"models"`
}

// Parse reads a manifest without the files that it names. Names and keys that are not known are errors; an error names file,
// line and column where the text is at fault, the entry where its meaning is.
func Parse(name string, text []byte) ([]Model, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var m manifest
	err := d.Decode(&m)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows the manifest: remove it")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read model manifest: %s: %s", place(name, text, offset(err, d)), reason(err))
	}
	if len(m.Models) == 0 {
		return nil, fmt.Errorf("read model manifest: %s: it lists no model: add one, or remove the file", name)
	}
	return m.Models, validate(name, m.Models)
}

// offset is where in the text an error was found.
func offset(err error, d *json.Decoder) int64 {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.As(err, &typed):
		return typed.Offset
	}
	return d.InputOffset()
}

func reason(err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return fmt.Sprintf("%s is a %s: want a %s", typed.Field, typed.Value, typed.Type)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		text = "it ends too early"
	}
	return text + "; docs/video.md lists every key"
}

// place is name:line:column.
func place(name string, text []byte, offset int64) string {
	before := text[:min(max(offset-1, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%s:%d:%d", name, line, column)
}
