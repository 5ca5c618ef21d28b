package csvfile

import (
	"fmt"
	"io"
)

// maxRow bounds a row in bytes, so that a quote left open does not read the rest of a large file into memory.
const maxRow = 1 << 20

// errLongRow ends reading in the middle of a row.
var errLongRow = fmt.Errorf("a row of more than %d bytes: is a quote left open, or is this the right file?", maxRow)

// rowReader gives out at most left bytes.
type rowReader struct {
	in   io.Reader
	left int
}

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongRow
	}
	n, err := r.in.Read(p)
	r.left -= n
	return n, err
}
