/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check_entries.c - the map `backends` has an entry for each way to a backend, which services share.
 *
 * What tells entries apart is as in user/agent/target.c; the outer source is the same for all of one
 * address. Only a file of more backends than entries needs to be looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"

struct way {
	const struct config_backend *backend;
	enum config_forward forward;
	uint16_t port; /* of the tunnel, or the backend's */
};

static int number(long a, long b)
{
	return (a > b) - (a < b);
}

static int compare(const void *pa, const void *pb)
{
	const struct way *a = pa, *b = pb;
	int order = memcmp(a->backend->address.b, b->backend->address.b, 16);

	if (!order)
		order = number((long)a->forward, (long)b->forward);
	if (!order)
		order = number(a->port, b->port);
	return order ? order : strcmp(a->backend->id, b->backend->id);
}

static size_t count_distinct(struct way *ways, size_t n)
{
	size_t distinct = n ? 1 : 0;

	qsort(ways, n, sizeof(*ways), compare);
	for (size_t i = 1; i < n; i++)
		distinct += compare(&ways[i - 1], &ways[i]) != 0;
	return distinct;
}

int check__entries(const struct config *c, const struct node *services, struct problem_sink *sink)
{
	size_t n = 0, distinct;
	struct way *ways;

	for (size_t i = 0; i < c->n_services; i++)
		n += c->services[i].n_backends;
	if (n < FL_MAX_BACKENDS)
		return 0;
	ways = calloc(n, sizeof(*ways));
	if (!ways)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t b = 0; b < s->n_backends; b++)
			ways[n++] = (struct way){
				.backend = &s->backends[b],
				.forward = s->forward,
				.port = s->forward == CONFIG_FWD_GUE ? s->gue_port
								     : s->backends[b].port,
			};
	}
	distinct = count_distinct(ways, n);
	free(ways);
	if (distinct > FL_MAX_BACKENDS - 1)
		check__tell(sink, services,
			    "services: have %zu different backends (id, address, way of "
			    "forwarding), at most %d fit",
			    distinct, FL_MAX_BACKENDS - 1);
	return 0;
}
