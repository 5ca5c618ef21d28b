package csvfile

import (
	"bytes"
	"fmt"
	"unicode"
)

// ErrorAt makes an error about one character of a field, by its offset in bytes from the start of Fields[field]. What the file
// writes and the field does not hold is counted: the quotes around a field, the second of a doubled quote, blanks before it, and
// lines within it. An offset behind the field is that of its end. Columns count bytes, as those of Errorf do.
func (r Row) ErrorAt(field, offset int, format string, args ...any) error {
	line, column := r.position(field, offset)
	return fmt.Errorf("%s:%d:%d: %w", r.name, line, column, fmt.Errorf(format, args...))
}

func (r Row) position(field, offset int) (line, column int) {
	line, column = r.reader.FieldPos(field)
	text, places := unquote(r.raw(line, column), line, column)
	blanks := len(text) - len(bytes.TrimLeftFunc(text, unicode.IsSpace))
	at := places[min(max(offset, 0)+blanks, len(text))]
	return at.line, at.column
}

// raw returns the row from a place in it to its end, as the file has it. Like encoding/csv it skips empty lines and comments
// before the row.
func (r Row) raw(line, column int) []byte {
	raw := r.text
	for {
		first, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(first) > 0 && first[0] != '#' && !bytes.Equal(first, []byte("\r")) {
			break
		}
		raw = rest
	}
	for range line - r.Line {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw[column-1:]
}

type place struct{ line, column int }

// unquote reads one field at the start of raw as encoding/csv does (RFC 4180, section 2). It returns the bytes that the field holds
// with the place of each, and the place behind the last.
func unquote(raw []byte, line, column int) (text []byte, places []place) {
	quoted := len(raw) > 0 && raw[0] == '"'
	if quoted {
		raw = raw[1:]
		column++
	}
	for len(raw) > 0 {
		width := 1
		switch {
		case quoted && bytes.HasPrefix(raw, []byte(`""`)), bytes.HasPrefix(raw, []byte("\r\n")):
			width = 2
		case quoted && raw[0] == '"', !quoted && raw[0] == ',':
			return text, append(places, place{line, column})
		}
		if !quoted && raw[width-1] == '\n' {
			break
		}
		text = append(text, raw[width-1]) // the second of two quotes, the line feed of a line end
		places = append(places, place{line, column})
		column += width
		if raw[width-1] == '\n' {
			line, column = line+1, 1
		}
		raw = raw[width:]
	}
	return text, append(places, place{line, column})
}
