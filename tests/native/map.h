/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map.h - BPF maps in this process's memory.
 *
 * A program's map is a variable whose type says all there is to know: members that are pointers to
 * types of the right size. The pointers themselves are of no use to anybody, so the first one holds the
 * map that map__define() made; a helper that is given the variable's address finds it there. An inner
 * map, which has no variable, starts with a pointer to itself for the same reason.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_MAP_H
#define FAIRLEAD_TESTS_NATIVE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

struct map_sizes {
	uint32_t type; /* enum bpf_map_type */
	uint32_t key, value; /* bytes; 0 where there is none */
	uint32_t entries;
};

/* What __uint(name, n) says: the n of a pointer to int[n]. */
#define MAP_UINT(member) ((uint32_t)(sizeof(*(member)) / sizeof(int)))

/* Makes the map of a variable; those with keys and values, ring buffers, arrays of maps. */
#define MAP_DEFINE(m)                                                                            \
	map__define(&(m), #m,                                                                    \
		    (struct map_sizes){MAP_UINT((m).type), sizeof(*(m).key), sizeof(*(m).value), \
				       MAP_UINT((m).max_entries)})
#define MAP_DEFINE_RING(m)    \
	map__define(&(m), #m, \
		    (struct map_sizes){MAP_UINT((m).type), 0, 0, MAP_UINT((m).max_entries)})
#define MAP_DEFINE_OUTER(m)                                                 \
	map__define_outer(&(m), #m, MAP_UINT((m).max_entries),              \
			  (struct map_sizes){MAP_UINT((*(m).values)->type), \
					     sizeof(*(*(m).values)->key),   \
					     sizeof(*(*(m).values)->value), \
					     MAP_UINT((*(m).values)->max_entries)})
#define MAP_DEFINE_PROGS(m) \
	map__define_progs(&(m), #m, MAP_UINT((m).max_entries), (int (**)(void *))(m).values)

struct map *map__define(void *variable, const char *name, struct map_sizes sizes);
struct map *map__define_outer(void *variable, const char *name, uint32_t entries,
			      struct map_sizes inner);
struct map *map__define_progs(void *variable, const char *name, uint32_t entries,
			      int (**programs)(void *));

/* The map of a variable, or an inner map; ends the process if it was not defined. */
struct map *map__of(void *variable);
struct map *map__named(const char *name);

/* As the helpers of the same names; -errno. */
void *map__lookup(struct map *m, const void *key);
int map__update(struct map *m, const void *key, const void *value, uint64_t flags);
int map__delete(struct map *m, const void *key);

/* An array's value, for who looks on: map__reset() will not clear it for that. */
void *map__value(struct map *m, uint32_t index);

/* The inner map at outer key `index`, made when there was none. */
struct map *map__inner(struct map *outer, uint32_t index);

/* The program at `index`, or NULL. */
int (*map__program(struct map *m, uint32_t index))(void *);

/* From now on the program may not write to the array: a store is a fault. */
void map__seal(struct map *m);

/* A hash holds no more than `entries` from now on, and not more than it was defined with. */
void map__limit(struct map *m, uint32_t entries);

/* Forgets what programs did: values that they looked up are zero again, a hash is empty. */
void map__reset(struct map *m);

#endif
