/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_spark.h"

#include <math.h>
#include <string.h>

#define LEVELS 8 /* the lowest is for 0 alone */
#define MOST_CELLS 60

static const char *const unicode[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

bool spark__range(const float *values, size_t n, double *least, double *mean, double *most)
{
	double sum = 0, low = INFINITY, high = -INFINITY;
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		if (isnan(values[i]) || values[i] < 0)
			continue;
		known++;
		sum += (double)values[i];
		low = fmin(low, (double)values[i]);
		high = fmax(high, (double)values[i]);
	}
	if (!known)
		return false;
	*least = low;
	*mean = sum / (double)known;
	*most = high;
	return true;
}

size_t spark__failures(const float *values, size_t n)
{
	size_t failures = 0;

	for (size_t i = 0; i < n; i++)
		failures += values[i] < 0;
	return failures;
}

/* What a cell shows of its values: a failure if there was one, else the most of them. */
static float cell_of(const float *values, size_t from, size_t to)
{
	float most = NAN;

	for (size_t i = from; i < to; i++) {
		if (values[i] < 0)
			return values[i];
		most = fmaxf(most, values[i]); /* of a number and NAN, the number */
	}
	return most;
}

static const char *sign_of(float value, double most, bool blocks)
{
	const char *const *levels = blocks ? unicode : ascii;
	int level;

	if (isnan(value))
		return " ";
	if (value < 0)
		return blocks ? "×" : "x";
	if (value <= 0 || most <= 0)
		return levels[0];
	level = 1 + (int)((double)value / most * (LEVELS - 1) - 0.5);
	return levels[level < 1 ? 1 : level >= LEVELS ? LEVELS - 1 : level];
}

size_t spark__draw(const float *values, size_t n, size_t width, bool blocks, char *out)
{
	size_t cells = width < n ? width : n, at = 0;
	double least, mean, most = 0;

	if (cells > MOST_CELLS)
		cells = MOST_CELLS;
	spark__range(values, n, &least, &mean, &most);
	for (size_t i = 0; i < cells; i++) {
		float value = cell_of(values, i * n / cells, (i + 1) * n / cells);
		const char *sign = sign_of(value, most, blocks);
		size_t len = strlen(sign);

		memcpy(out + at, sign, len);
		at += len;
	}
	out[at] = '\0';
	return cells;
}
