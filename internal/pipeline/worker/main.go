// Package worker is the inside of quicedge-video: it takes jobs off the socket to the node and connects the codecs of
// package av with the models of package infer.
package worker

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"quicedge/internal/pipeline/av"
	"quicedge/internal/pipeline/infer"
	"quicedge/internal/pipeline/wire"
)

// Main runs quicedge-video with the given arguments and returns its exit code: 0 ok, 1 failed, 2 wrong usage.
func Main(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quicedge-video", flag.ContinueOnError)
	flags.SetOutput(stderr)
	version := flags.Bool("version", false, "print the version")
	selfCheck := flags.Bool("self-check", false, "load ONNX Runtime and every model, run each once, and say so")
	serve := flags.Bool("serve", false, "take jobs on file descriptor 3; the node starts it so")
	var bounds limits
	flags.Int64Var(&bounds.memory, "max-memory", 0, "bytes that may be allocated; 0 sets no limit")
	flags.Int64Var(&bounds.file, "max-file", 0, "bytes of the spool; 0 sets no limit")
	confined := flags.Bool("confined", false, "set by --serve when limits and privileges are as they shall be")
	fences := flags.String("fences", "", "set by --serve: the fences that stand so far")
	attempted := flags.String("attempt", "", "with --serve, in place of jobs: try what a confined worker must not do, and say how it ends")
	unlocked := flags.Bool("unlocked", false, "with --attempt: without the filter of system calls, to see the other fences")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	av.Quiet()
	av.ReturnMemory()
	var err error
	switch {
	case *version:
		fmt.Fprintf(stdout, "quicedge-video %s (protocol %d, %s)\n", buildVersion(), wire.Version, runtime.Version())
	case *selfCheck:
		err = check(stdout)
	case *serve && !*confined:
		err = confine(bounds, args)
	case *attempted != "":
		err = attempt(*attempted, *unlocked, stderr)
	case *serve:
		endAtCPULimit(stderr)
		err = serveSocket(*fences)
	default:
		fmt.Fprintln(stderr, "quicedge-video is started by quicedge; by hand try --self-check or --version")
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "quicedge-video:", err)
		return 1
	}
	return 0
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// serveSocket takes models and jobs until the node closes the socket; fences are those that stand so far.
func serveSocket(fences string) error {
	socket, spool := os.NewFile(wire.FD, "node"), os.NewFile(wire.SpoolFD, "spool")
	made := os.NewFile(wire.MadeFD, "made")
	if _, err := socket.Stat(); err != nil {
		return errors.New("file descriptor 3 is not open; let quicedge start this program")
	}
	standing, err := decodeFences(fences)
	if err != nil {
		return err
	}
	version, err := infer.Start()
	if err != nil {
		return err
	}
	s := newServer(socket, spool, made)
	s.fences = append(standing, fence(wire.FenceCalls, lock(offersGPU())))
	return s.serve(version)
}

// offersGPU says whether models may run on a GPU, whose library is opened with the first of them.
func offersGPU() bool {
	path, err := infer.FindLibrary()
	return err == nil && infer.OffersCUDA(path)
}
