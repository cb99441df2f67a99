/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.h - counts by key: how many records each backend of each service has. */
#ifndef FAIRLEAD_MOVE_TALLY_H
#define FAIRLEAD_MOVE_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: nothing is counted. */
struct tally {
	struct tally_cell *cells; /* a power of two of them, or NULL */
	size_t size, used;
};

/* One more of that pair. 0 or -ENOMEM. */
int tally__add(struct tally *t, uint32_t service, uint32_t backend);
/* How many there were. */
uint32_t tally__get(const struct tally *t, uint32_t service, uint32_t backend);
void tally__free(struct tally *t);

#endif
