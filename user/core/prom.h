/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prom.h - metrics as Prometheus reads them (its text-based exposition format, version 0.0.4).
 *
 * A family is begun, and its samples follow. What does not fit into memory is not lost in silence: the text is
 * marked as failed, and is no good.
 */
#ifndef FAIRLEAD_CORE_PROM_H
#define FAIRLEAD_CORE_PROM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/timing.h"

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prom_type { PROM_COUNTER, PROM_GAUGE, PROM_HISTOGRAM };

/* A text that grows. Zero at the beginning; the owner frees `text`. */
struct prom {
	char *text; /* not ended by a NUL, but for labels */
	size_t len, room;
	const char *family; /* whose samples are being written */
	size_t family_len;
	bool failed; /* out of memory */
};

/* Begins a family; `name` and `help` are constants, and `help` has no line end and no backslash. */
void prom__family(struct prom *p, const char *name, enum prom_type type, const char *help);

/*
 * Appends what stands between a sample's braces, from pairs of a name and a value (bytes of UTF-8; they are
 * escaped here), and a NUL. Returns where it begins in to->text, which moves as it grows; SIZE_MAX: it failed.
 */
size_t prom__labels(struct prom *to, const char *name, const char *value, ...)
	__attribute__((sentinel));

/* The same from two texts that are labels already, with `len` bytes of the second; "" for none. */
size_t prom__join(struct prom *to, const char *first, const char *second, size_t len);

/* Makes room for a text of about so many bytes, so that it is not moved as it grows. */
void prom__expect(struct prom *p, size_t len);

/* Appends a text that ends with a line; it is as failed as that one. */
void prom__append(struct prom *p, const struct prom *text);

/* Samples; `labels` is as prom__labels() makes it, "" for none. */
void prom__integer(struct prom *p, const char *labels, uint64_t value);
void prom__real(struct prom *p, const char *labels, double value);
/* A time given in nanoseconds, in seconds. */
void prom__seconds(struct prom *p, const char *labels, uint64_t ns);

/* How durations are spread. */
struct prom_histogram {
	uint64_t below_us[32]; /* bounds, ascending; */
	uint64_t cumulative[32]; /* how many were below each */
	size_t n; /* how many bounds there are */
	uint64_t count, sum_ns; /* of all */
};

void prom__histogram(struct prom *p, const char *labels, const struct prom_histogram *h);
/* With a bucket for each doubling from 64 µs to 34 s, and one for all. */
void prom__timing(struct prom *p, const char *labels, const struct timing *t);

#endif
