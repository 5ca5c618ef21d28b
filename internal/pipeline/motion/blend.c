#include <stdlib.h>

#include "motion.h"

// The new picture is made in blocks of half a cell. Each takes the vector, of the cells around it, by which before and after match
// best: at the edge of what moves, cells are too large.
#define BLOCK 8

// How much better another vector must match than that of the block's own cell: one level a pixel.
#define BIAS (BLOCK * BLOCK)

typedef struct {
	int x, y, w, h;
} box;

static inline int inside(plane p, box b, int dx, int dy) {
	return b.x + dx >= 0 && b.y + dy >= 0 && b.x + dx + b.w <= p.w && b.y + dy + b.h <= p.h;
}

static inline int differ(plane a, plane b, box at, vec v) {
	const uint8_t *p = a.data + (size_t)(at.y - v.y) * a.stride + (at.x - v.x);
	const uint8_t *q = b.data + (size_t)(at.y + v.y) * b.stride + (at.x + v.x);
	int sum = 0;
	if (at.w == BLOCK && at.h == BLOCK) {
		for (int y = 0; y < BLOCK; y++, p += a.stride, q += b.stride)
			for (int x = 0; x < BLOCK; x++)
				sum += abs(p[x] - q[x]);
		return sum;
	}
	for (int y = 0; y < at.h; y++, p += a.stride, q += b.stride)
		for (int x = 0; x < at.w; x++)
			sum += abs(p[x] - q[x]);
	return sum;
}

// vector returns the best vector for a block of luma. One that leaves a picture cannot be judged: it is taken where the block's own
// cell has it, for at the border what comes in is seen in one picture only.
static vec vector(const motion *m, plane a, plane b, box at) {
	int col = at.x / CELL, row = at.y / CELL;
	int side = at.x % CELL ? 1 : -1, end = at.y % CELL ? 1 : -1; // the cells that the block lies next to
	vec own = m->field[row * m->cols + col];
	if (!inside(a, at, -own.x, -own.y) || !inside(b, at, own.x, own.y))
		return own;
	vec best = own;
	int least = differ(a, b, at, own) - BIAS;
	for (int i = 1; i < 5; i++) {
		vec v = {0, 0};
		if (i < 4) {
			int c = col + (i & 1 ? side : 0), r = row + (i & 2 ? end : 0);
			if (c < 0 || c >= m->cols || r < 0 || r >= m->rows)
				continue;
			v = m->field[r * m->cols + c];
		}
		if ((v.x == own.x && v.y == own.y) || !inside(a, at, -v.x, -v.y) || !inside(b, at, v.x, v.y))
			continue;
		int d = differ(a, b, at, v);
		if (d < least) {
			least = d;
			best = v;
		}
	}
	return best;
}

static void copy(const uint8_t *restrict p, int stride, uint8_t *restrict out, int out_stride, box at) {
	for (int y = 0; y < at.h; y++, p += stride, out += out_stride)
		for (int x = 0; x < at.w; x++)
			out[x] = p[x];
}

static void mean(const uint8_t *restrict p, int ps, const uint8_t *restrict q, int qs, uint8_t *restrict out, int os, box at) {
	if (at.w == BLOCK) {
		for (int y = 0; y < at.h; y++, p += ps, q += qs, out += os)
			for (int x = 0; x < BLOCK; x++)
				out[x] = (uint8_t)((p[x] + q[x] + 1) >> 1);
		return;
	}
	for (int y = 0; y < at.h; y++, p += ps, q += qs, out += os)
		for (int x = 0; x < at.w; x++)
			out[x] = (uint8_t)((p[x] + q[x] + 1) >> 1);
}

// put writes a block: the mean of both pictures, or what the one has that the block lies in.
static void put(plane a, plane b, box at, vec v, uint8_t *out, int out_stride) {
	int has_a = inside(a, at, -v.x, -v.y), has_b = inside(b, at, v.x, v.y);
	if (!has_a && !has_b) {
		v = (vec){0, 0};
		has_a = has_b = 1;
	}
	const uint8_t *p = a.data + (has_a ? (ptrdiff_t)(at.y - v.y) * a.stride + (at.x - v.x) : 0);
	const uint8_t *q = b.data + (has_b ? (ptrdiff_t)(at.y + v.y) * b.stride + (at.x + v.x) : 0);
	out += (size_t)at.y * out_stride + at.x;
	if (has_a && has_b)
		mean(p, a.stride, q, b.stride, out, out_stride, at);
	else if (has_a)
		copy(p, a.stride, out, out_stride, at);
	else
		copy(q, b.stride, out, out_stride, at);
}

static inline int least(int a, int b) { return a < b ? a : b; }

void motion_blend(const motion *m, plane before[3], plane after[3], uint8_t *out[3], const int out_stride[3]) {
	for (int y = 0; y < m->h; y += BLOCK)
		for (int x = 0; x < m->w; x += BLOCK) {
			box at = {x, y, least(BLOCK, m->w - x), least(BLOCK, m->h - y)};
			vec v = vector(m, before[0], after[0], at);
			put(before[0], after[0], at, v, out[0], out_stride[0]);
			box half = {at.x / 2, at.y / 2, at.w / 2, at.h / 2};
			vec hv = {(int16_t)(v.x / 2), (int16_t)(v.y / 2)};
			for (int i = 1; i < 3; i++)
				put(before[i], after[i], half, hv, out[i], out_stride[i]);
		}
}
