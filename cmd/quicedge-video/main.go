// Command quicedge-video is the worker in which codecs and models run; the node starts it. It is the only program of
// QuicEdge that is linked with C.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"quicedge/internal/pipeline/worker"
)

func main() {
	// A service manager tells all processes of a unit to stop: the node lets streams end, and a worker ends with it.
	signal.Ignore(syscall.SIGTERM)
	os.Exit(worker.Main(os.Args[1:], os.Stdout, os.Stderr))
}
