#include <libavformat/avio.h>
#include <stdint.h>

// quicedge_io_open returns a context that calls back with handle, or NULL without memory.
AVIOContext *quicedge_io_open(uintptr_t handle, int size, int writable, int seekable);

void quicedge_io_close(AVIOContext *io);
