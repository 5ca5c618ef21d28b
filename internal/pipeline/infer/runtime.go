// Package infer runs ONNX models on planes of decoded frames, in place and without a copy. It is the only importer of
// onnxruntime_go, and is linked into the video worker alone.
package infer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	ort "github.com/yalue/onnxruntime_go"
)

// LibraryEnv names the shared library of ONNX Runtime, before all other places.
const LibraryEnv = "QUICEDGE_ORT_LIB"

const libraryName = "libonnxruntime.so.1"

// ErrNoLibrary is wrapped by Start when libonnxruntime.so.1 is in none of the places it looks at.
var ErrNoLibrary = errors.New("no " + libraryName)

// Start loads ONNX Runtime into the process (25 ms) and returns its version. It is called once, before Open.
func Start() (version string, err error) {
	path, err := FindLibrary()
	if err != nil {
		return "", err
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return "", fmt.Errorf("load onnx runtime %s: %w; run native/onnxruntime.sh or set %s to version 1.24 or newer", path, err, LibraryEnv)
	}
	_ = ort.DisableTelemetry() // there is none on Linux; the call says so
	return ort.GetVersion(), nil
}

// FindLibrary returns the path of the shared library: the one that QUICEDGE_ORT_LIB names, else the first of: beside
// the executable, ../lib from there, and the cache that native/onnxruntime.sh fills, its newest version.
func FindLibrary() (string, error) {
	if path := os.Getenv(LibraryEnv); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%w at %s=%s; correct or unset it", ErrNoLibrary, LibraryEnv, path)
		}
		return path, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		dir := filepath.Dir(self)
		places = append(places, filepath.Join(dir, libraryName), filepath.Join(dir, "..", "lib", libraryName))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		found, _ := filepath.Glob(filepath.Join(cache, "quicedge", "onnxruntime-*", "lib", libraryName)) // the pattern is well formed
		for i := len(found) - 1; i >= 0; i-- {
			places = append(places, found[i])
		}
	}
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w beside the program, in ../lib or in the cache; run native/onnxruntime.sh or set %s", ErrNoLibrary, LibraryEnv)
}

// cudaName is what the CUDA provider of ONNX Runtime lies in, beside the library of a build that has it.
const cudaName = "libonnxruntime_providers_cuda.so"

// OffersCUDA says whether the library at that path comes with the CUDA provider. A library without logs an error for each try.
func OffersCUDA(library string) bool {
	_, err := os.Stat(filepath.Join(filepath.Dir(library), cudaName))
	return err == nil
}
