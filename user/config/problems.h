/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * problems.h - collects the mistakes of one file, first ones first.
 *
 * Checks run in the order that suits them; the list is kept in the order of the file.
 */
#ifndef FAIRLEAD_CONFIG_PROBLEMS_H
#define FAIRLEAD_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define PROBLEMS_MAX 50 /* mistakes told; what is beyond is only counted */

struct problem_sink {
	struct config_problems *out;
	size_t dropped; /* mistakes found and not told */
	bool no_memory; /* the list is not complete; config__parse() fails with -ENOMEM */
};

/* Adds a mistake at line:column (1-based; line 0: in the file as a whole). */
void problem_sink__add(struct problem_sink *s, unsigned int line, unsigned int column,
		       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Whether a mistake at that place would come too late to be told; it is counted then. Spares the
 * work of wording it.
 */
bool problem_sink__drops(struct problem_sink *s, unsigned int line, unsigned int column);

/* Whether any mistake was found. */
bool problem_sink__any(const struct problem_sink *s);

/* Says at the end of the list how many mistakes are not in it. */
void problem_sink__close(struct problem_sink *s);

#endif
