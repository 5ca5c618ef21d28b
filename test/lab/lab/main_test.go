package lab

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// programs is the folder of the servers that the tests run, built once.
var programs string

// atOnce is how many of the tests that may run side by side do: they wait more than they work.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "lab")
	if err == nil {
		defer os.RemoveAll(dir)
		programs = dir
		err = Build(context.Background(), "quicedge/test/lab/stock", filepath.Join(dir, "stock"))
	}
	if err == nil {
		err = Build(context.Background(), "quicedge/cmd/quicedge", filepath.Join(dir, "quicedge"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
