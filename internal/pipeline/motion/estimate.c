#include <stdlib.h>
#include <string.h>

#include "motion.h"

// The search at the coarsest level goes RADIUS pixels each way: 48 pixels of the picture to each side, 96 from picture to picture.
#define RADIUS 6

// What a vector costs for each pixel that it is away from those around it, and from none: many vectors match where there is little
// to see, and neighbours move alike. In levels summed over a window of 64 pixels.
#define APART 64
#define AWAY 4

static inline int clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

static inline int sad8(const uint8_t *restrict a, int as, const uint8_t *restrict b, int bs) {
	int sum = 0;
	for (int y = 0; y < 8; y++, a += as, b += bs)
		for (int x = 0; x < 8; x++)
			sum += abs(a[x] - b[x]);
	return sum;
}

// match compares the windows of 8 x 8 around (x, y): a window that would leave the picture is moved back into it.
static inline int match(plane a, plane b, int x, int y, vec v) {
	int ax = clamp(x - 4 - v.x, 0, a.w - 8), ay = clamp(y - 4 - v.y, 0, a.h - 8);
	int bx = clamp(x - 4 + v.x, 0, a.w - 8), by = clamp(y - 4 + v.y, 0, a.h - 8);
	return sad8(a.data + (size_t)ay * a.stride + ax, a.stride, b.data + (size_t)by * b.stride + bx, b.stride);
}

static inline int price(plane a, plane b, int x, int y, vec v, vec expected) {
	return match(a, b, x, y, v) + APART * (abs(v.x - expected.x) + abs(v.y - expected.y)) + AWAY * (abs(v.x) + abs(v.y));
}

typedef struct {
	vec v;
	int price;
} choice;

static inline void consider(choice *best, plane a, plane b, int x, int y, vec v, vec expected) {
	int p = price(a, b, x, y, v, expected);
	if (p < best->price)
		*best = (choice){v, p};
}

// whole searches every vector within RADIUS, nearest first, at each second cell both ways, and gives its neighbours the same.
static void whole(motion *m, plane a, plane b, int level) {
	for (int row = 0; row < m->rows; row += 2)
		for (int col = 0; col < m->cols; col += 2) {
			int x = (col * CELL + CELL) >> level, y = (row * CELL + CELL) >> level; // between the four
			vec none = {0, 0};
			choice best = {none, price(a, b, x, y, none, none)};
			for (int dy = -RADIUS; dy <= RADIUS; dy++)
				for (int dx = -RADIUS; dx <= RADIUS; dx++)
					consider(&best, a, b, x, y, (vec){(int16_t)dx, (int16_t)dy}, none);
			for (int r = row; r < row + 2 && r < m->rows; r++)
				for (int c = col; c < col + 2 && c < m->cols; c++)
					m->field[r * m->cols + c] = best.v;
		}
}

static inline int16_t middle(int16_t v[5]) {
	for (int i = 0; i < 3; i++)
		for (int j = i + 1; j < 5; j++)
			if (v[j] < v[i]) {
				int16_t swap = v[i];
				v[i] = v[j];
				v[j] = swap;
			}
	return v[2];
}

// better chooses for each cell among the vectors of the coarser field around it and their median, and one pixel around the best of
// them.
static void better(motion *m, plane a, plane b, int level) {
	static const int around[5][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
	for (int row = 0; row < m->rows; row++)
		for (int col = 0; col < m->cols; col++) {
			int x = (col * CELL + CELL / 2) >> level, y = (row * CELL + CELL / 2) >> level;
			vec coarse[5];
			int16_t xs[5], ys[5];
			for (int i = 0; i < 5; i++) {
				int r = clamp(row + around[i][1], 0, m->rows - 1), c = clamp(col + around[i][0], 0, m->cols - 1);
				vec v = m->field[r * m->cols + c];
				coarse[i] = (vec){(int16_t)(2 * v.x), (int16_t)(2 * v.y)};
				xs[i] = coarse[i].x;
				ys[i] = coarse[i].y;
			}
			vec none = {0, 0}, expected = {middle(xs), middle(ys)};
			choice best = {none, price(a, b, x, y, none, expected)};
			consider(&best, a, b, x, y, expected, expected);
			for (int i = 0; i < 5; i++)
				consider(&best, a, b, x, y, coarse[i], expected);
			vec start = best.v;
			for (int dy = -1; dy <= 1; dy++)
				for (int dx = -1; dx <= 1; dx++)
					if (dx || dy)
						consider(&best, a, b, x, y, (vec){(int16_t)(start.x + dx), (int16_t)(start.y + dy)}, expected);
			m->other[row * m->cols + col] = best.v;
		}
	vec *swap = m->field;
	m->field = m->other;
	m->other = swap;
}

static plane at(const motion *m, int side, int level, plane picture) {
	if (level == 0)
		return picture;
	return (plane){m->pyramid[side][level], m->w >> level, m->w >> level, m->h >> level};
}

// difference is the mean of what the best matches differ by, in levels a pixel times 16.
static int difference(const motion *m, plane a, plane b, int level) {
	int64_t sum = 0;
	for (int row = 0; row < m->rows; row++)
		for (int col = 0; col < m->cols; col++) {
			int x = (col * CELL + CELL / 2) >> level, y = (row * CELL + CELL / 2) >> level;
			sum += match(a, b, x, y, m->field[row * m->cols + col]);
		}
	return (int)(sum * 16 / 64 / ((int64_t)m->rows * m->cols));
}

// disorder is how far the vectors of neighbours are apart, in pixels of the level times 16.
static int disorder(const motion *m) {
	int64_t sum = 0;
	for (int row = 1; row < m->rows; row++)
		for (int col = 1; col < m->cols; col++) {
			vec v = m->field[row * m->cols + col], left = m->field[row * m->cols + col - 1], top = m->field[(row - 1) * m->cols + col];
			sum += abs(v.x - left.x) + abs(v.y - left.y) + abs(v.x - top.x) + abs(v.y - top.y);
		}
	return (int)(sum * 16 / 2 / ((int64_t)m->rows * m->cols));
}

// Two pictures are of two shots when they differ by STRANGE after the best motion was taken out, or by UNLIKE where the vectors go
// each its own way. In levels a pixel and in pixels, times 16, of the half, where much of the noise is gone: grain of 12 levels
// differs by 6 there, and its vectors are in order.
#define JUDGED 1
#define STRANGE (20 * 16)
#define UNLIKE (9 * 16)
#define WILD (4 * 16)

static int other_shot(int difference, int disorder) {
	return difference > STRANGE || (difference > UNLIKE && disorder > WILD);
}

int motion_estimate(motion *m, plane before, plane after) {
	int cut = 0;
	for (int level = m->levels - 1; level >= 0; level--) {
		plane a = at(m, 0, level, before), b = at(m, 1, level, after);
		if (level == m->levels - 1)
			whole(m, a, b, level);
		else
			better(m, a, b, level);
		if (level == JUDGED || (m->levels == 1 && level == 0))
			cut = other_shot(difference(m, a, b, level), disorder(m));
	}
	return cut;
}
