// The callbacks of an AVIOContext, which call the Go functions of io.go. go-astiav's own allocate what is read or written
// each time.
#include <libavformat/avio.h>
#include <libavutil/mem.h>
#include "_cgo_export.h"
#include "io.h"

static int on_read(void *handle, uint8_t *buf, int n) { return quicedgeRead((uintptr_t)handle, buf, n); }

static int on_write(void *handle, const uint8_t *buf, int n) { return quicedgeWrite((uintptr_t)handle, (uint8_t *)buf, n); }

static int64_t on_seek(void *handle, int64_t offset, int whence) { return quicedgeSeek((uintptr_t)handle, offset, whence); }

AVIOContext *quicedge_io_open(uintptr_t handle, int size, int writable, int seekable) {
	uint8_t *buffer = av_malloc(size);
	if (!buffer)
		return NULL;
	AVIOContext *io = avio_alloc_context(buffer, size, writable, (void *)handle, writable ? NULL : on_read,
					     writable ? on_write : NULL, seekable ? on_seek : NULL);
	if (!io)
		av_free(buffer);
	return io;
}

void quicedge_io_close(AVIOContext *io) {
	if (io)
		av_freep(&io->buffer); // FFmpeg may have replaced the first one
	avio_context_free(&io);
}
