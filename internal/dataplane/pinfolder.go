package dataplane

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// PinFolder is what is known of a pin folder without opening what is in it.
type PinFolder struct {
	Dir       string
	OnBPFFS   bool  // whether it is, or would be, on a BPF file system
	Mountable bool  // whether a load would mount one there
	Exists    bool  // whether something is there
	Owned     error // why nobody may use it; nil where it is root's alone, or not there
	Opened    error // why the data plane in it cannot be used, as Open says it; nil too where there is none
}

// LookAtPins describes a pin folder and changes nothing.
func LookAtPins(pinDir string) PinFolder {
	p := PinFolder{Dir: pinDir, Mountable: strings.HasPrefix(pinDir, bpffsRoot+"/")}
	on, err := onBPFFS(filepath.Dir(pinDir))
	p.OnBPFFS, p.Owned = on, err
	switch _, err := os.Stat(pinDir); {
	case errors.Is(err, fs.ErrNotExist):
		return p
	case err != nil:
		p.Owned = explain("look at "+pinDir, err)
	default:
		p.Owned = errors.Join(p.Owned, checkOwned(pinDir))
	}
	p.Exists = true
	if p.Owned == nil {
		plane, err := Open(pinDir)
		if p.Opened = err; err == nil {
			p.Opened = plane.Close()
		}
	}
	return p
}

// Kernel is the running kernel's release, as uname -r prints it.
func Kernel() string { return release() }
