// Package dataplane puts the programs of package bpf into the kernel, gives them the node's tables and reads their counters.
// All state lives in pins on a BPF file system, so that no process has to stay for the programs to go on running.
//
// The pinned maps are a public interface: docs/dataplane.md describes them.
package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"quicedge/bpf"
)

// DefaultPinDir is where the pins are, where nothing else is said.
const DefaultPinDir = "/sys/fs/bpf/quicedge"

// DefaultPort is the UDP port of HTTP/3 (RFC 9114, section 3.1.1), served where no other is given.
const DefaultPort = 443

// Mode is how programs are attached to a device.
type Mode string

// Modes. TCX needs Linux 6.6; clsact is what older kernels have.
const (
	ModeAuto   Mode = "auto" // TCX where the kernel has it
	ModeTCX    Mode = "tcx"
	ModeClsact Mode = "clsact"
)

// TableKind is what the kernel's prefix tables are made of.
type TableKind string

// Kinds of table. Both give the same answers.
const (
	TableDIR  TableKind = "dir"  // DIR-24-8 for IPv4 and DXR for IPv6: fast, 49 MiB and more
	TableTrie TableKind = "trie" // LPM tries: slow where large, small where small
)

// number is the kind as the programs have it.
func (k TableKind) number() uint8 {
	if k == TableTrie {
		return uint8(bpf.DataplaneTableTABLE_TRIE)
	}
	return uint8(bpf.DataplaneTableTABLE_DIR)
}

// Config says what to load, and where. The zero value, given Interfaces, is useful.
type Config struct {
	PinDir     string       // folder on a BPF file system, its own for each node of a host; DefaultPinDir where empty
	Interfaces []string     // devices that packets come in by, in the network namespace of the calling thread
	Ports      []uint16     // UDP ports of the QUIC servers on this host; DefaultPort where empty
	Silent     bool         // drop what exceeds a class's MTU without the ICMP error to its sender
	Mode       Mode         // how the programs are attached, to all devices; ModeAuto where empty
	TableKind  TableKind    // what the prefix tables are made of; TableDIR where empty
	NoScreen   bool         // let ingress pass what RFC 9000 has every QUIC server discard
	Hold       bool         // a Load's: until Plane.Close, or its process ends, every other Load and Unload is ErrInUse
	Held       *os.File     // with Hold: what the process before this one holds by (Plane.Hold), which this Load takes over
	Log        *slog.Logger // slog.Default() where nil

	MarkMask      uint32 // contiguous bits of skb->mark that hold the class, at least 10; 0: the mark is left alone
	PriorityMajor uint16 // skb->priority becomes the tc class ID MAJOR:CLASS; 0: it is left alone

	step func(string) // a test's view of how far a change has come
}

// complete fills in the defaults and refuses what cannot work.
func (c Config) complete() (Config, error) {
	if c.PinDir == "" {
		c.PinDir = DefaultPinDir
	}
	if !filepath.IsAbs(c.PinDir) {
		return c, fmt.Errorf("pin folder %q: not an absolute path: give one such as %s", c.PinDir, DefaultPinDir)
	}
	c.PinDir = filepath.Clean(c.PinDir)
	if len(c.Interfaces) == 0 || slices.Contains(c.Interfaces, "") {
		return c, errors.New("no interface given: name the device that clients come in by, such as eth0")
	}
	c.Interfaces = slices.Compact(slices.Sorted(slices.Values(c.Interfaces)))
	if len(c.Ports) == 0 {
		c.Ports = []uint16{DefaultPort}
	}
	if slices.Contains(c.Ports, 0) {
		return c, errors.New("udp port 0: give the ports that the QUIC servers listen on, 1 to 65535")
	}
	if err := validateMark(c.MarkMask); err != nil {
		return c, err
	}
	c.Mode, c.TableKind = cmp.Or(c.Mode, ModeAuto), cmp.Or(c.TableKind, TableDIR)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.step == nil {
		c.step = func(string) {}
	}
	return c, nil
}
