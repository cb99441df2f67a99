/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source_set.h - lists of `sources` entries, and what leads from one to another. Pure.
 *
 * A set is sorted by scope, address and prefix length, and has each prefix of a scope once. What is in
 * the map is the file's set with the commands' set laid over it: on the same prefix the command's
 * entry holds until it is removed.
 */
#ifndef FAIRLEAD_AGENT_SOURCE_SET_H
#define FAIRLEAD_AGENT_SOURCE_SET_H

#include "config/config.h"
#include "plane/plane.h"

struct source_set {
	struct plane_source *list;
	size_t n, room; /* entries in use and allocated */
};

/* What makes a map that holds one set hold another; in the order in which it is to be done. */
struct source_diff {
	struct source_set add; /* longest prefixes first: exceptions before the rule */
	struct source_set change;
	struct source_set was; /* what `change` replaces */
	struct source_set remove; /* shortest prefixes first: the rule before its exceptions */
};

void source_set__free(struct source_set *s);

/* The key of a prefix in a scope (0: the instance, else a service's id). */
struct fl_source_key source_key__of(uint32_t scope, const struct addr_prefix *prefix);

/* Scope and prefix of a key. One of 32 bits stands for everybody: *prefix is then of length 0. */
uint32_t source_key__scope(const struct fl_source_key *k, struct addr_prefix *prefix);

/* Appends the lists of a scope, unsorted. 0 or -ENOMEM. */
int source_set__add_lists(struct source_set *s, uint32_t scope, const struct config_sources *c);

/* Appends one entry, unsorted. 0 or -ENOMEM. */
int source_set__add(struct source_set *s, const struct plane_source *e);

/* Makes a set of what was appended; of entries with equal keys one stays. */
void source_set__sort(struct source_set *s);

/* Turns the order round; what was a set is none any more. */
void source_set__reverse(struct source_set *s);

/* The entry with exactly that key, or NULL. */
const struct plane_source *source_set__find(const struct source_set *s,
					    const struct fl_source_key *k);

/* The entry whose prefix is the longest one of its scope that holds the address, or NULL. */
const struct plane_source *source_set__match(const struct source_set *s, uint32_t scope,
					     const struct addr *a);

/* The entries of a scope are *n from the one returned on; NULL: none. */
const struct plane_source *source_set__scope(const struct source_set *s, uint32_t scope, size_t *n);

/* Both sets; where they have the same key, the entry of `over`. 0 or -ENOMEM. */
int source_set__overlay(const struct source_set *under, const struct source_set *over,
			struct source_set *out);

/* Those of `s` whose key `minus` has not. 0 or -ENOMEM. */
int source_set__without(const struct source_set *s, const struct source_set *minus,
			struct source_set *out);

/* 0 or -ENOMEM, then *out is empty. */
int source_diff__make(const struct source_set *have, const struct source_set *want,
		      struct source_diff *out);
void source_diff__free(struct source_diff *d);

#endif
