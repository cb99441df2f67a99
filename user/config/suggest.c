/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t suggest__distance(const char *a, const char *b)
{
	size_t d[SUGGEST_MAX + 1][SUGGEST_MAX + 1];
	size_t n = strnlen(a, SUGGEST_MAX), m = strnlen(b, SUGGEST_MAX);

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			size_t cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

			d[i][j] = min(min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

const char *suggest__nearest(const char *word, const char *(*known)(const void *, size_t),
			     const void *ctx, size_t n)
{
	const char *best = NULL;
	size_t best_distance = SUGGEST_MAX;

	if (strnlen(word, SUGGEST_MAX + 1) > SUGGEST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *k = known(ctx, i);
		size_t distance = suggest__distance(word, k);

		size_t allowed = strlen(k) / 3 > 1 ? strlen(k) / 3 : 1;

		/* A third of the word may be wrong; more is another word. */
		if (distance < best_distance && distance <= allowed && distance < strlen(k)) {
			best = k;
			best_distance = distance;
		}
	}
	return best;
}
