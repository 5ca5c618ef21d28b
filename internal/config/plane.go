package config

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// markBits is how many bits of a mark a class takes: class numbers are below 1024.
const markBits = 10

// Interfaces reads a list of devices, "eth0,eth1".
func Interfaces(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// PlaneFlags binds the flags that say how the data plane is loaded.
func (c *Config) PlaneFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.AttachMode, "mode", c.AttachMode, "how programs are attached: tcx (Linux 6.6 or later), clsact, or auto: tcx where the kernel has it")
	fs.StringVar(&c.TableKind, "table-kind", c.TableKind, "prefix tables in the kernel: dir (fast) or trie (small where there are few prefixes)")
	fs.BoolVar(&c.Screen, "screen", c.Screen, "drop datagrams that no QUIC server could use (RFC 9000)")
	fs.StringVar(&c.Mark, "mark", c.Mark, "bits of the packet's mark that are to hold the class, at least ten in a row, such as 0x3ff0000")
	fs.StringVar(&c.Priority, "priority", c.Priority, "major number of the tc class MAJOR:CLASS that packets are to be of, such as 1: (hexadecimal, as tc has it)")
}

// MarkMask reads the mask of --mark; 0 where the mark is left alone.
func (c Config) MarkMask() (uint32, error) {
	if c.Mark == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(c.Mark, 0, 32)
	if err != nil {
		return 0, errors.New("not a number of 32 bits")
	}
	mask := uint32(v)
	low := mask >> bits.TrailingZeros32(mask)
	if n := bits.OnesCount32(mask); n < markBits || low&(low+1) != 0 {
		return 0, fmt.Errorf("%d bits are set: a class needs %d or more in a row", n, markBits)
	}
	return mask, nil
}

// PriorityMajor reads the major number of --priority, hexadecimal as in tc; 0 where the priority is left alone.
func (c Config) PriorityMajor() (uint16, error) {
	if c.Priority == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSuffix(c.Priority, ":"), "0x"), 16, 16)
	if err != nil || v == 0 || v == 0xffff {
		return 0, errors.New("not the major number of a tc handle")
	}
	return uint16(v), nil
}

func (c Config) validatePlane() *wrongValue {
	if !slices.Contains([]string{"auto", "tcx", "clsact"}, c.AttachMode) {
		return wrong("attach_mode", "%q: use auto, tcx or clsact", c.AttachMode)
	}
	if !slices.Contains([]string{"dir", "trie"}, c.TableKind) {
		return wrong("table_kind", "%q: use dir or trie", c.TableKind)
	}
	if _, err := c.MarkMask(); err != nil {
		return wrong("mark", "%q: %v; use such as 0x3ff0000, or leave it empty", c.Mark, err)
	}
	if _, err := c.PriorityMajor(); err != nil {
		return wrong("priority", "%q: %v; use such as 1:, 1 to fffe, or leave it empty", c.Priority, err)
	}
	return nil
}
