package av

import (
	"errors"
	"syscall"

	"github.com/asticode/go-astiav"
)

const (
	errNoMemory   = astiav.Error(-int(syscall.ENOMEM))
	tooMuchMemory = "it needs more memory than a worker may use; send a smaller picture"
)

// explain returns the reader's own error if it had one, else what is wrong with the input.
func (in *Input) explain(err error, fault *Unsupported) error {
	if in.source.err != nil {
		return in.source.err
	}
	if errors.Is(err, errNoMemory) {
		return &Unsupported{fault.Stage, tooMuchMemory}
	}
	return fault
}
