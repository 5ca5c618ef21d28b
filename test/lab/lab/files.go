package lab

import (
	"fmt"
	"os"
	"path/filepath"
)

// FileOf returns the URL path of the file of so many bytes.
func FileOf(size int64) string { return fmt.Sprintf("/%d.bin", size) }

// WriteFiles makes files of given sizes in a folder, all zeros, for servers to serve.
func WriteFiles(dir string, sizes ...int64) error {
	for _, size := range sizes {
		name := filepath.Join(dir, FileOf(size))
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			return err
		}
		if err := os.Truncate(name, size); err != nil {
			return err
		}
	}
	return nil
}
