// Command quicedge-video is the worker in which codecs and models run; the node starts it. It is the only program of
// QuicEdge that is linked with C.
package main

import (
	"os"

	"quicedge/internal/pipeline/worker"
)

func main() {
	os.Exit(worker.Main(os.Args[1:], os.Stdout, os.Stderr))
}
