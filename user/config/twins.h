/* SPDX-License-Identifier: GPL-2.0-or-later */
/* twins.h - finds elements of lists that have the same value where no two may. */
#ifndef FAIRLEAD_CONFIG_TWINS_H
#define FAIRLEAD_CONFIG_TWINS_H

#include "config/node.h"
#include "fairlead/abi.h"

/* One element, by the value that no other may have. */
struct twin {
	unsigned char key[FL_ID_LEN]; /* zero-padded */
	const char *list; /* the list's path: "services[0].backends" */
	size_t index; /* in that list */
	size_t order; /* of adding */
	const struct node *node; /* where a mistake is told */
	unsigned int computed; /* not 0: the value is a default; two with the same are not told */
};

struct twins {
	size_t n;
	struct twin list[];
};

/* Room for `cap` elements, or NULL; free(3) it. */
struct twins *twins__new(size_t cap);

/* Adds an element whose key is still zero. `list` must live until twins__tell(). */
struct twin *twins__add(struct twins *t, const char *list, size_t index, const struct node *node);

/*
 * Tells of each element that has the key of one added before it, "list[3].id: same id as list[1]",
 * and forgets them all. `field` is ".id" or "", `what` is what they share.
 */
void twins__tell(struct twins *t, const char *field, const char *what, struct problem_sink *sink);

#endif
