// The picture half way between two others, by the motion from one to the other.
//
// Motion is found on the grid of the new picture (bilateral motion estimation: Choi, Han, Kim, Ko, "Motion-compensated frame
// interpolation using bilateral motion estimation and adaptive overlapped block motion compensation", IEEE TCSVT 17(4), 2007): a
// vector v says that what is at p in the new picture was at p - v before and is at p + v after. So the new picture has neither holes
// nor places that are filled twice. Vectors are searched on a pyramid of luma, coarse to fine.
#ifndef QUICEDGE_MOTION_H
#define QUICEDGE_MOTION_H

#include <stddef.h>
#include <stdint.h>

// Half, a quarter and an eighth of the picture's size, beside the picture itself.
#define LEVELS 4

// A grid cell is CELL x CELL pixels of luma.
#define CELL 16

typedef struct {
	int16_t x, y;
} vec;

typedef struct {
	const uint8_t *data;
	int stride, w, h;
} plane;

typedef struct {
	int w, h, levels;        // of luma; levels that are used
	int cols, rows;          // of the grid
	uint8_t *pyramid[2][LEVELS]; // of the picture before and the one after; level 0 is the picture itself, and NULL here
	vec *field, *other;      // vectors in pixels of the present level
} motion;

// motion_new returns NULL where there is no memory. w and h are even, 16 at least.
motion *motion_new(int w, int h);
void motion_free(motion *m);

// motion_advance makes the picture after the one before, and takes luma in as the one after.
void motion_advance(motion *m, const uint8_t *luma, int stride);

// motion_estimate finds the vectors between the luma of both pictures. It returns 1 where they are of two shots, else 0.
int motion_estimate(motion *m, plane before, plane after);

// motion_blend writes the new picture: luma, and both chroma planes of half its size, each with its stride.
void motion_blend(const motion *m, plane before[3], plane after[3], uint8_t *out[3], const int out_stride[3]);

#endif
