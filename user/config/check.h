/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check.h - checks that need more than one value, by subject: one check_*.c each.
 *
 * Each leaves alone what has a mistake of its own, tells every mistake that it finds, and returns 0
 * or -ENOMEM. `nodes` are the items of `services`, one for each element of config.services.
 */
#ifndef FAIRLEAD_CONFIG_CHECK_H
#define FAIRLEAD_CONFIG_CHECK_H

#include "config/option.h"

#define PATH_LEN 64 /* "services[8190].backends" */

/* Tells a mistake where a node stands; the path is part of the text. */
#define check__tell(sink, node, ...) \
	problem_sink__add(sink, (node)->line, (node)->column, __VA_ARGS__)

/* Whether a key is written and wrong, so that what depends on it can't be judged. */
bool check__broken(const struct node *map, const char *key);

/* The items of a list that was read without a mistake of its own, else NULL. */
struct node *const *check__items(const struct node *map, const char *key, size_t n);

/* Services as a whole: names, and which packets are for which. */
int check__vips(const struct config *c, struct node *const *nodes, struct problem_sink *sink);

/* What goes together in service i, and with what the whole file has. */
void check__service(const struct config *c, const struct node *root, const struct node *service,
		    size_t i, struct problem_sink *sink);

/* The probe of a service; `index` is its place in the list. */
void check__probe(const struct config_service *service, const struct node *node, size_t index,
		  struct problem_sink *sink);

/* The backends of a service; `index` is its place in the list. */
int check__backends(const struct config_service *s, const struct node *service, size_t index,
		    struct problem_sink *sink);

/* All backends of the file: whether the map `backends` has room. `services` is the list's node. */
int check__entries(const struct config *c, const struct node *services, struct problem_sink *sink);

/* Source lists; `path` is "sources" or "services[3].sources". */
int check__sources(const struct config_sources *s, const struct node *map, const char *path,
		   struct problem_sink *sink);

/* Peers: names and addresses. */
int check__peers(const struct config *c, const struct node *root, struct problem_sink *sink);
/* BFD sessions: that each is whole, and can be told from the others. */
void check__bfd(const struct config *c, const struct node *root, struct problem_sink *sink);
/* BGP sessions that group `index` tracks; `track` is its mapping of that name. */
void check__bgp(const struct config_vrrp *g, const struct node *track, size_t index,
		struct problem_sink *sink);
/* VRRP groups, alone and among themselves. */
int check__vrrp(const struct config *c, const struct node *root, struct problem_sink *sink);

/* Destinations of alerts; `services`: those of the file could be read. */
int check__alerts(const struct config *c, const struct node *root, bool services,
		  struct problem_sink *sink);

/* Source addresses of full NAT; `nodes` NULL: the services can't be judged. */
int check__snat(const struct config *c, const struct node *root, struct node *const *nodes,
		struct problem_sink *sink);

#endif
