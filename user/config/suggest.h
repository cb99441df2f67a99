/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest.h - what was probably meant by a misspelt word. */
#ifndef FAIRLEAD_CONFIG_SUGGEST_H
#define FAIRLEAD_CONFIG_SUGGEST_H

#include <stddef.h>

#define SUGGEST_MAX 24 /* longest word that is looked at, bytes; known words are shorter */

/*
 * Edits (insertions, deletions, substitutions, swaps of neighbours) between the first SUGGEST_MAX
 * bytes of two words, upper and lower case alike: the Damerau-Levenshtein distance in its
 * "optimal string alignment" form.
 */
size_t suggest__distance(const char *a, const char *b);

/* The nearest of n known words, known(ctx, i), or NULL when none is close. */
const char *suggest__nearest(const char *word, const char *(*known)(const void *ctx, size_t i),
			     const void *ctx, size_t n);

#endif
