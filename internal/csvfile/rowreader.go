package csvfile

import (
	"fmt"
	"io"
)

// maxRow bounds a row in bytes, so that a quote left open does not read the rest of a large file into memory.
const maxRow = 1 << 20

// errLongRow ends reading in the middle of a row.
var errLongRow = fmt.Errorf("a row of more than %d bytes: is a quote left open, or is this the right file?", maxRow)

// rowReader gives out at most left bytes, and keeps those of the row that is being read, so that an error can name the place of
// one character of it.
type rowReader struct {
	in   io.Reader
	left int
	kept []byte // what was given out, from offset from of the file on
	from int64
}

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongRow
	}
	n, err := r.in.Read(p)
	r.left -= n
	r.kept = append(r.kept, p[:n]...)
	return n, err
}

// next begins a row at an offset of the file: what lies before it is not needed any more. Moving only when the half of what is
// kept is old makes the cost of a byte constant.
func (r *rowReader) next(offset int64) {
	r.left = maxRow
	if old := int(offset - r.from); old > len(r.kept)/2 && old >= 4<<10 {
		r.kept = r.kept[:copy(r.kept, r.kept[old:])]
		r.from = offset
	}
}

// raw returns the bytes between two offsets of the file, as they were written.
func (r *rowReader) raw(start, end int64) []byte {
	return r.kept[start-r.from : end-r.from]
}
