package av

/*
#include <malloc.h>
*/
import "C"

// largeBlock is the size from which the C library takes memory from the system for itself and gives it back at once: pictures
// from 720p on. By itself it learns to keep what was freed, up to 32 MiB a block, in an arena for each thread: a worker would hold
// the pictures of its largest stream for good.
const largeBlock = 1 << 20

// mostArenas bounds the C library's arenas, of which it would make eight for each processor.
const mostArenas = 4

// ReturnMemory makes the C library give back what streams have freed. It is called before the first one.
func ReturnMemory() {
	C.mallopt(C.M_MMAP_THRESHOLD, largeBlock)
	C.mallopt(C.M_ARENA_MAX, mostArenas)
}
