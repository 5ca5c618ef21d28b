package av

import "runtime"

// A node runs as many workers as it has work, so a codec takes few threads: what helps a single upload on an idle machine.
// Each thread but the first delays the picture by a frame and holds one more in memory.
const mostThreads = 4

// The processors are those that the worker's cgroup gives it.
func decoderThreads() int { return min(runtime.GOMAXPROCS(0), mostThreads) }

func encoderThreads() int { return min(runtime.GOMAXPROCS(0), mostThreads) }
