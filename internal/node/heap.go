package node

import (
	"math"
	"runtime/debug"
)

// heapFloor is what the heap may grow by before the garbage collector runs, in bytes, however little is alive. A node without
// video holds a few MiB, and would collect them hundreds of times a second under load.
const heapFloor = 64 << 20

// floor is memory that counts as alive and is never touched, so that the system gives none for it. Nil where the operator bounds
// the program's memory (GOMEMLIMIT): it would count there too.
func floor() []byte {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return nil
	}
	return make([]byte, heapFloor)
}
