package ticketkey

import (
	"os"
	"syscall"
)

// stamp looks at the file, through links; the zero stamp is of none.
func (r *Ring) stamp() stamp {
	info, err := os.Stat(r.path)
	if err != nil {
		return stamp{}
	}
	s := stamp{size: info.Size(), changed: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}
