package importer

import (
	"errors"
	"fmt"

	"quicedge/internal/csvfile"
)

// listed collects the first errors of a file.
type listed struct {
	name string
	errs []error
}

func (l *listed) add(err error) { l.errs = append(l.errs, err) }

// full reports whether reading should stop.
func (l *listed) full() bool { return len(l.errs) >= csvfile.MaxErrors }

func (l *listed) join() error {
	if l.full() {
		return errors.Join(append(l.errs, fmt.Errorf("%s: more than %d wrong rows, reading stopped", l.name, csvfile.MaxErrors-1))...)
	}
	return errors.Join(l.errs...)
}
