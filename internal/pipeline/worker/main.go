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
	maxMemory := flags.Int64("max-memory", 0, "bytes that may be allocated; 0 sets no limit")
	confined := flags.Bool("confined", false, "set by --serve when limits and privileges are as they shall be")
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
		err = confine(*maxMemory, append(args, "--confined"))
	case *serve:
		err = serveSocket()
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

func serveSocket() error {
	socket, spool := os.NewFile(wire.FD, "node"), os.NewFile(wire.SpoolFD, "spool")
	made := os.NewFile(wire.MadeFD, "made")
	if _, err := socket.Stat(); err != nil {
		return errors.New("file descriptor 3 is not open; let quicedge start this program")
	}
	version, err := infer.Start()
	if err != nil {
		return err
	}
	return newServer(socket, spool, made).serve(version)
}
