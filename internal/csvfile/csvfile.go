// Package csvfile reads the CSV tables of the node row by row, with errors that name file, line and column.
package csvfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxErrors is how many wrong rows are listed before reading stops: enough to mend a file in one go.
const MaxErrors = 10

// Row is one record and where it stands.
type Row struct {
	Fields []string // without surrounding blanks
	Line   int      // from 1
	reader *csv.Reader
	name   string
	text   []byte // the row as the file has it, comments before it included; only while each runs
}

// Errorf makes an error about one field of the row, counted from 0.
func (r Row) Errorf(field int, format string, args ...any) error {
	line, column := r.reader.FieldPos(field)
	return fmt.Errorf("%s:%d:%d: %w", r.name, line, column, fmt.Errorf(format, args...))
}

// Read calls each for every row of a UTF-8 CSV file with the given header, at most maxRows times. Lines that start with # are
// comments; a byte order mark and CRLF are accepted (RFC 4180, section 2, wants CRLF; spreadsheets write both). It goes on
// after an error of each, and returns the first MaxErrors of them joined.
func Read(r io.Reader, name string, header []string, maxRows int, each func(Row) error) error {
	in, err := skipBOM(r, name)
	if err != nil {
		return err
	}
	limited := &rowReader{in: in, left: maxRow}
	reader := csv.NewReader(limited)
	reader.Comment = '#'
	reader.ReuseRecord = true
	if err := readHeader(reader, name, header); err != nil {
		return err
	}
	reader.FieldsPerRecord = len(header)
	var errs []error
	line := 1 // of the last row that could be read
	for rows := 0; len(errs) < MaxErrors; rows++ {
		start := reader.InputOffset()
		limited.next(start)
		fields, err := reader.Read()
		if err == io.EOF {
			return errors.Join(errs...)
		}
		if err != nil && !errors.As(err, new(*csv.ParseError)) {
			return errors.Join(append(errs, readError(name, line+1, err))...)
		}
		if err == nil {
			line, _ = reader.FieldPos(0)
		}
		if err == nil && rows >= maxRows {
			return fmt.Errorf("%s:%d:1: more than %d rows, and a table holds no more: is this the right file?", name, line, maxRows)
		}
		if err == nil {
			row := Row{Fields: fields, Line: line, reader: reader, name: name, text: limited.raw(start, reader.InputOffset())}
			err = readRow(row, each)
		} else {
			err = syntaxError(name, err, len(header), fields)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, fmt.Errorf("%s: more than %d wrong rows, reading stopped", name, MaxErrors-1))...)
}

// skipBOM drops a UTF-8 byte order mark and refuses UTF-16.
func skipBOM(r io.Reader, name string) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, _ := in.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := in.Discard(3)
		return in, err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%s:1:1: UTF-16 text: save the file as UTF-8", name)
	}
	return in, nil
}

func readHeader(reader *csv.Reader, name string, header []string) error {
	want := strings.Join(header, ",")
	fields, err := reader.Read()
	if err == io.EOF {
		return fmt.Errorf("%s:1:1: empty file: its first line must be %q", name, want)
	}
	if err != nil && !errors.As(err, new(*csv.ParseError)) {
		return readError(name, 1, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; its first line must be %q", name, err, want)
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if !slices.Equal(fields, header) {
		line, _ := reader.FieldPos(0)
		return fmt.Errorf("%s:%d:1: header %q: must be %q", name, line, shorten(strings.Join(fields, ",")), want)
	}
	return nil
}

func readRow(row Row, each func(Row) error) error {
	for i, f := range row.Fields {
		if !utf8.ValidString(f) {
			return row.Errorf(i, "not UTF-8 text: convert the file (iconv -f GBK -t UTF-8)")
		}
		row.Fields[i] = strings.TrimSpace(f)
	}
	return each(row)
}

func syntaxError(name string, err error, want int, fields []string) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("%s:%d:1: %d fields, want %d", name, parse.Line, len(fields), want)
	}
	return fmt.Errorf("%s:%d:%d: %w", name, parse.Line, parse.Column, parse.Err)
}

func readError(name string, line int, err error) error {
	if errors.Is(err, errLongRow) {
		return fmt.Errorf("%s:%d:1: %w", name, line, err)
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// shorten keeps a file of another kind from filling the screen.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
