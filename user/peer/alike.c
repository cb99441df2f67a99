/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/alike.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "fairlead/abi.h"
#include "peer/facts.h"
#include "peer/letters.h"

#define NAME_MAX_LEN (FL_NAME_LEN - 1)
#define DIGESTS_MAX 4

static const char *const names_of_all[] = {"sources", "on_agent_loss", "lease"};
static const char *const names_of_group[] = {"vrid", "addresses"};
static const char *const names_of_service[] = {"sources", "limits", "announce or min_up",
					       "passive"};

#define COUNT(names) (sizeof(names) / sizeof(*(names)))

_Static_assert(sizeof(struct peer_alike_all) == 8 * COUNT(names_of_all), "each has a name");
_Static_assert(sizeof(struct peer_alike_group) == 8 * COUNT(names_of_group), "each has a name");
_Static_assert(sizeof(struct peer_alike_service) == 8 * COUNT(names_of_service), "each has a name");

static int put(struct ledger *l, char kind, const char *name, const uint64_t *digests, size_t n)
{
	char key[1 + NAME_MAX_LEN] = {kind};
	size_t len = strnlen(name, NAME_MAX_LEN);
	uint64_t value[DIGESTS_MAX];

	memcpy(key + 1, name, len);
	for (size_t i = 0; i < n; i++)
		value[i] = htobe64(digests[i]);
	return ledger__put(l, key, 1 + len, value, n * sizeof(*value));
}

int peer_alike__set_all(struct ledger *l, const struct peer_alike_all *all)
{
	const uint64_t digests[] = {all->sources, all->on_agent_loss, all->lease};

	return put(l, PEER_ALIKE_ALL, "", digests, COUNT(digests));
}

int peer_alike__set_group(struct ledger *l, const char *name, const struct peer_alike_group *g)
{
	const uint64_t digests[] = {g->vrid, g->addresses};

	return put(l, PEER_ALIKE_GROUP, name, digests, COUNT(digests));
}

int peer_alike__set_service(struct ledger *l, const char *name, const struct peer_alike_service *s)
{
	const uint64_t digests[] = {s->sources, s->limits, s->announce, s->passive};

	return put(l, PEER_ALIKE_SERVICE, name, digests, COUNT(digests));
}

/* --- comparing ------------------------------------------------------------------------------------ */

/* The first difference of a kind, by name. */
struct search {
	const struct ledger *there;
	bool there_is_ours; /* the second turn: only what is missing */
	char kind;
	const char *const *names;
	size_t n_names;
	bool found;
	char first[FL_NAME_LEN];
	const char *what;
};

static void found(struct search *s, const char *name, const char *what)
{
	if (s->found && strcmp(s->first, name) <= 0)
		return;
	s->found = true;
	snprintf(s->first, sizeof(s->first), "%s", name);
	s->what = what;
}

static void compare_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct search *s = ctx;
	char name[FL_NAME_LEN] = "";
	const char *k = key;
	size_t their_len = 0;
	const uint8_t *ours = value, *theirs;

	if (k[0] != s->kind || key_len > 1 + NAME_MAX_LEN || memchr(k + 1, '\0', key_len - 1))
		return;
	memcpy(name, k + 1, key_len - 1);
	theirs = ledger__get(s->there, key, key_len, &their_len);
	/* That of a service is told by its tables. */
	if (!theirs && s->kind == PEER_ALIKE_GROUP)
		found(s, name, s->there_is_ours ? "is only there" : "is only here");
	for (size_t i = 0; theirs && i < s->n_names; i++) {
		size_t at = i * sizeof(uint64_t), end = at + sizeof(uint64_t);

		if (end > len || end > their_len)
			return;
		if (memcmp(ours + at, theirs + at, sizeof(uint64_t)) != 0) {
			found(s, name, s->names[i]);
			return;
		}
	}
}

/* Whether there is none of that kind. */
static bool same(const struct ledger *ours, const struct ledger *theirs, struct search *s)
{
	s->there = theirs;
	ledger__each(ours, compare_one, s);
	s->there = ours;
	s->there_is_ours = true;
	ledger__each(theirs, compare_one, s);
	return !s->found;
}

static bool tells(const struct ledger *l)
{
	const char key = PEER_ALIKE_ALL;
	size_t len;

	return ledger__get(l, &key, 1, &len) != NULL;
}

bool peer_alike__same(const struct ledger *ours, const struct ledger *theirs, char *text)
{
	struct search all = {.kind = PEER_ALIKE_ALL,
			     .names = names_of_all,
			     .n_names = COUNT(names_of_all)},
		      groups = {.kind = PEER_ALIKE_GROUP,
				.names = names_of_group,
				.n_names = COUNT(names_of_group)},
		      services = {.kind = PEER_ALIKE_SERVICE,
				  .names = names_of_service,
				  .n_names = COUNT(names_of_service)};

	if (!peer_facts__same_config(ours, theirs, text))
		return false;
	if (!tells(ours) || !tells(theirs))
		return true;
	if (!same(ours, theirs, &all)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "%s", all.what);
		return false;
	}
	if (!same(ours, theirs, &groups)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "VRRP group '%s'%s %s", groups.first,
			 strncmp(groups.what, "is ", 3) == 0 ? "" : ":", groups.what);
		return false;
	}
	if (!same(ours, theirs, &services)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "service '%s': %s", services.first,
			 services.what);
		return false;
	}
	return true;
}
