#include <stdlib.h>

#include "motion.h"

// A level is used while a window of 8 x 8 fits into it twice.
#define LEAST 16

motion *motion_new(int w, int h) {
	motion *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->w = w;
	m->h = h;
	m->levels = 1;
	while (m->levels < LEVELS && (w >> m->levels) >= LEAST && (h >> m->levels) >= LEAST)
		m->levels++;
	m->cols = (w + CELL - 1) / CELL;
	m->rows = (h + CELL - 1) / CELL;
	m->field = calloc((size_t)m->cols * m->rows, sizeof(vec));
	m->other = calloc((size_t)m->cols * m->rows, sizeof(vec));
	int ok = m->field && m->other;
	for (int side = 0; side < 2; side++)
		for (int l = 1; l < m->levels; l++)
			ok &= (m->pyramid[side][l] = calloc((size_t)(w >> l) * (h >> l), 1)) != NULL;
	if (!ok) {
		motion_free(m);
		return NULL;
	}
	return m;
}

void motion_free(motion *m) {
	if (!m)
		return;
	for (int side = 0; side < 2; side++)
		for (int l = 1; l < LEVELS; l++)
			free(m->pyramid[side][l]);
	free(m->field);
	free(m->other);
	free(m);
}

// halve writes means of 2 x 2 pixels; w and h are the size of the result.
static void halve(const uint8_t *restrict from, int stride, uint8_t *restrict to, int w, int h) {
	for (int y = 0; y < h; y++) {
		const uint8_t *top = from + (size_t)(2 * y) * stride, *low = top + stride;
		for (int x = 0; x < w; x++)
			to[(size_t)y * w + x] = (uint8_t)((top[2 * x] + top[2 * x + 1] + low[2 * x] + low[2 * x + 1] + 2) >> 2);
	}
}

void motion_advance(motion *m, const uint8_t *luma, int stride) {
	for (int l = 1; l < m->levels; l++) {
		uint8_t *swap = m->pyramid[0][l];
		m->pyramid[0][l] = m->pyramid[1][l];
		m->pyramid[1][l] = swap;
		if (l == 1)
			halve(luma, stride, m->pyramid[1][1], m->w >> 1, m->h >> 1);
		else
			halve(m->pyramid[1][l - 1], m->w >> (l - 1), m->pyramid[1][l], m->w >> l, m->h >> l);
	}
}
