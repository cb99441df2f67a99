/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top_spark.h - a minute in a line of characters. Pure. */
#ifndef FAIRLEAD_CLI_TOP_SPARK_H
#define FAIRLEAD_CLI_TOP_SPARK_H

#include <stdbool.h>
#include <stddef.h>

#define SPARK_LEN 256 /* bytes that a line of up to 60 cells needs at most, with its NUL */

/*
 * Draws values[n], oldest first, to `width` cells (at most n are used), each as high as the most of its values is
 * over the most of all: 0 and above it differ. NAN: a space. Negative: something failed then. `blocks`: eighths of
 * Unicode (U+2581 to U+2588), else ASCII. Writes to out[SPARK_LEN]; returns how many cells it drew.
 */
size_t spark__draw(const float *values, size_t n, size_t width, bool blocks, char *out);

/* The least, the most and the mean of those that are neither NAN nor negative; false: there is none. */
bool spark__range(const float *values, size_t n, double *least, double *mean, double *most);

/* How many are negative. */
size_t spark__failures(const float *values, size_t n);

#endif
