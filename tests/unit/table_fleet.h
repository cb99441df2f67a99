/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_fleet.h - backends that come and go, the seats that they have, and the table over these. */
#ifndef FAIRLEAD_TESTS_UNIT_TABLE_FLEET_H
#define FAIRLEAD_TESTS_UNIT_TABLE_FLEET_H

#include "table/seats.h"

#include "table_pool.h"

#define MAX_POOL 1200

/* A configuration, the seats of it, and its table when all accept. */
struct fleet {
	size_t n;
	uint32_t slots;
	struct table_member members[MAX_POOL];
	char ids[MAX_POOL][24];
	struct table_seats *seats;
	uint16_t *owner; /* place in `seats`, TABLE_NONE: nobody */
	uint64_t seed;
	unsigned int born; /* backends so far: ids are not used twice, but by who comes back */
};

static inline void fleet__add(struct fleet *f, const char *id, uint32_t weight)
{
	assert_true(f->n < MAX_POOL);
	snprintf(f->ids[f->n], sizeof(f->ids[0]), "%s", id);
	f->members[f->n].id = f->ids[f->n];
	f->members[f->n++].weight = weight;
}

static inline void fleet__born(struct fleet *f, uint32_t weight)
{
	char id[24];

	snprintf(id, sizeof(id), "b%u", f->born++);
	fleet__add(f, id, weight);
}

static inline void fleet__remove(struct fleet *f, size_t i)
{
	f->n--;
	if (i == f->n)
		return;
	memcpy(f->ids[i], f->ids[f->n], sizeof(f->ids[i]));
	f->members[i].weight = f->members[f->n].weight;
}

static inline size_t fleet__find(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return i;
	}
	fail_msg("there is no %s", id);
	return 0;
}

static inline struct table_seats *next(const struct fleet *f, const struct table_seats *old)
{
	struct table_seats *s = NULL;
	struct err err = {0};

	if (table_seats__next(old, f->members, f->n, f->slots, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

static inline void fill(struct fleet *f)
{
	uint8_t *parts = calloc(f->seats->n + 1, sizeof(*parts));
	struct table_base *base;
	struct err err = {0};

	for (size_t i = 0; i < f->seats->n; i++)
		parts[i] = f->seats->member[i] != TABLE_NONE ? TABLE_PARTS : 0;
	if (table_seats__base(f->seats, f->slots, &base, &err))
		fail_msg("%s", err.text);
	table__fill(base, parts, f->owner);
	table_base__free(base);
	free(parts);
}

/* The configuration is applied. */
static inline void fleet__apply(struct fleet *f)
{
	struct table_seats *s = next(f, f->seats);

	table_seats__free(f->seats);
	f->seats = s;
	fill(f);
}

static inline struct fleet *fleet__new(size_t n, uint32_t slots)
{
	struct fleet *f = calloc(1, sizeof(*f));

	f->slots = slots;
	f->seed = 7;
	f->owner = calloc(slots, sizeof(*f->owner));
	while (f->n < n)
		fleet__born(f, 100);
	fleet__apply(f);
	return f;
}

static inline void fleet__free(struct fleet *f)
{
	table_seats__free(f->seats);
	free(f->owner);
	free(f);
}

static inline const char *owner_of(const struct fleet *f, uint32_t slot)
{
	return f->owner[slot] == TABLE_NONE ? "" : f->seats->rows[f->owner[slot]].holder;
}

/* Who owns each slot, as text, to be compared after a change. */
static inline char (*note_owners(const struct fleet *f))[FL_ID_LEN]
{
	char(*ids)[FL_ID_LEN] = calloc(f->slots, sizeof(*ids));

	for (uint32_t slot = 0; slot < f->slots; slot++)
		snprintf(ids[slot], sizeof(ids[slot]), "%s", owner_of(f, slot));
	return ids;
}

/* Slots that have another owner than they had; frees `before`. */
static inline uint32_t moved(const struct fleet *f, char (*before)[FL_ID_LEN])
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < f->slots; slot++)
		n += strcmp(before[slot], owner_of(f, slot)) != 0;
	free(before);
	return n;
}

static inline uint32_t owned(const struct fleet *f, const char *id)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < f->slots; slot++)
		n += strcmp(id, owner_of(f, slot)) == 0;
	return n;
}

static inline const char *seat_of(const struct fleet *f, const char *id)
{
	for (size_t i = 0; i < f->seats->n; i++) {
		if (f->seats->member[i] != TABLE_NONE && !strcmp(f->seats->rows[i].holder, id))
			return f->seats->rows[i].name;
	}
	return NULL;
}

#endif
