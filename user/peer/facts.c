/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/facts.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fairlead/abi.h"
#include "peer/letters.h"

#define RECORDS_OF_NAT 1
#define SERVICE_LEN (5 * sizeof(uint64_t))
#define NAME_MAX_LEN (FL_NAME_LEN - 1)
#define ID_MAX_LEN (FL_ID_LEN - 1)

/* --- digests ------------------------------------------------------------------------------------- */

/* FNV-1a, twice, with other offsets: against mistakes, not against attackers, who have no key. */
void peer_digest__init(struct peer_digest *d)
{
	d->a = UINT64_C(14695981039346656037);
	d->b = UINT64_C(0x9e3779b97f4a7c15);
}

void peer_digest__add(void *digest, const void *bytes, size_t len)
{
	struct peer_digest *d = digest;
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		d->a = (d->a ^ p[i]) * UINT64_C(1099511628211);
		d->b = (d->b + p[i]) * UINT64_C(0xd6e8feb86659fd93);
		d->b ^= d->b >> 32;
	}
}

uint64_t peer_digest__end(const struct peer_digest *d)
{
	return d->a ^ (d->b << 1 | d->b >> 63);
}

/* --- keys and values ------------------------------------------------------------------------------ */

struct key {
	char bytes[1 + NAME_MAX_LEN + 1 + ID_MAX_LEN];
	size_t len;
};

static struct key make_key(char kind, const char *name, const char *id)
{
	struct key k = {.bytes = {kind}, .len = 1};
	size_t n = strnlen(name, NAME_MAX_LEN);

	memcpy(k.bytes + k.len, name, n);
	k.len += n;
	if (id) {
		k.bytes[k.len++] = '\0';
		n = strnlen(id, ID_MAX_LEN);
		memcpy(k.bytes + k.len, id, n);
		k.len += n;
	}
	return k;
}

int peer_facts__set_flow_key(struct ledger *l, uint64_t digest)
{
	const struct key k = make_key(PEER_FLOW_KEY, "", NULL);

	digest = htobe64(digest);
	return ledger__put(l, k.bytes, k.len, &digest, sizeof(digest));
}

int peer_facts__set_version(struct ledger *l, const char *version)
{
	const struct key k = make_key(PEER_VERSION, "", NULL);

	return ledger__put(l, k.bytes, k.len, version, strlen(version));
}

int peer_facts__set_records(struct ledger *l)
{
	const struct key k = make_key(PEER_RECORDS, "", NULL);
	const uint8_t value = RECORDS_OF_NAT;

	return ledger__put(l, k.bytes, k.len, &value, sizeof(value));
}

int peer_facts__set_clock(struct ledger *l, int64_t us)
{
	const struct key k = make_key(PEER_CLOCK, "", NULL);
	const uint64_t value = htobe64((uint64_t)us);

	return ledger__put(l, k.bytes, k.len, &value, sizeof(value));
}

bool peer_facts__clock(const struct ledger *l, int64_t *us)
{
	const struct key k = make_key(PEER_CLOCK, "", NULL);
	size_t len = 0;
	const void *told = ledger__get(l, k.bytes, k.len, &len);
	uint64_t value;

	if (!told || len != sizeof(value))
		return false;
	memcpy(&value, told, sizeof(value));
	*us = (int64_t)be64toh(value);
	return true;
}

bool peer_facts__records(const struct ledger *l)
{
	const struct key k = make_key(PEER_RECORDS, "", NULL);
	size_t len;

	return ledger__get(l, k.bytes, k.len, &len) != NULL;
}

bool peer_facts__nat_records(const struct ledger *l)
{
	const struct key k = make_key(PEER_RECORDS, "", NULL);
	size_t len = 0;
	const uint8_t *value = ledger__get(l, k.bytes, k.len, &len);

	return value && len && *value & RECORDS_OF_NAT;
}

int peer_facts__set_service(struct ledger *l, const char *name, const struct peer_service *s)
{
	const struct key k = make_key(PEER_SERVICE, name, NULL);
	const uint64_t value[] = {htobe64(s->front), htobe64(s->backends), htobe64(s->probe),
				  htobe64(s->rest), htobe64(s->table)};

	_Static_assert(sizeof(value) == SERVICE_LEN, "five digests");
	return ledger__put(l, k.bytes, k.len, value, sizeof(value));
}

int peer_facts__set_backend(struct ledger *l, const char *service, const char *id, uint8_t health)
{
	const struct key k = make_key(PEER_BACKEND, service, id);

	return ledger__put(l, k.bytes, k.len, &health, sizeof(health));
}

int peer_facts__set_word(struct ledger *l, const char *service, const char *id,
			 const struct peer_word *word)
{
	const struct key k = make_key(PEER_WORD, service, id);
	const uint8_t value[] = {word->number, word->admin, word->percent};

	return ledger__put(l, k.bytes, k.len, value, sizeof(value));
}

bool peer_facts__word(const struct ledger *l, const char *service, const char *id,
		      struct peer_word *out)
{
	const struct key k = make_key(PEER_WORD, service, id);
	size_t len = 0;
	const uint8_t *value = ledger__get(l, k.bytes, k.len, &len);

	if (!value || len < 3 || value[1] > FL_ADMIN_DISABLE || value[2] > 100)
		return false;
	*out = (struct peer_word){value[0], value[1], value[2]};
	return true;
}

bool peer_facts__is_word(const void *key, size_t key_len)
{
	return key_len && *(const char *)key == PEER_WORD;
}

int peer_facts__set_vrrp(struct ledger *l, const char *group, enum peer_vrrp_state state,
			 uint8_t priority)
{
	const struct key k = make_key(PEER_VRRP, group, NULL);
	const uint8_t value[] = {(uint8_t)state, priority};

	return ledger__put(l, k.bytes, k.len, value, sizeof(value));
}

bool peer_facts__vrrp(const struct ledger *l, const char *group, enum peer_vrrp_state *state,
		      uint8_t *priority)
{
	const struct key k = make_key(PEER_VRRP, group, NULL);
	size_t len = 0;
	const uint8_t *value = ledger__get(l, k.bytes, k.len, &len);

	if (!value || len < 2 || value[0] > PEER_VRRP_ACTIVE)
		return false;
	*state = (enum peer_vrrp_state)value[0];
	*priority = value[1];
	return true;
}

int peer_facts__set_accord(struct ledger *l, const struct accord_told *told)
{
	const struct key k = make_key(PEER_ACCORD, "", NULL);
	uint8_t value[ACCORD_TOLD_MAX];

	return ledger__put(l, k.bytes, k.len, value, accord_told__write(told, value));
}

bool peer_facts__accord(const struct ledger *l, struct accord_told *out)
{
	const struct key k = make_key(PEER_ACCORD, "", NULL);
	size_t len = 0;
	const void *value = ledger__get(l, k.bytes, k.len, &len);

	return accord_told__read(value, len, out);
}

static bool read_service(const void *value, size_t len, struct peer_service *out)
{
	uint64_t v[5];

	/* A later version may say more behind them. */
	if (!value || len < sizeof(v))
		return false;
	memcpy(v, value, sizeof(v));
	*out = (struct peer_service){be64toh(v[0]), be64toh(v[1]), be64toh(v[2]), be64toh(v[3]),
				     be64toh(v[4])};
	return true;
}

bool peer_facts__service(const struct ledger *l, const char *name, struct peer_service *out)
{
	const struct key k = make_key(PEER_SERVICE, name, NULL);
	size_t len = 0;
	const void *value = ledger__get(l, k.bytes, k.len, &len);

	return read_service(value, len, out);
}

bool peer_facts__backend(const struct ledger *l, const char *service, const char *id,
			 uint8_t *health)
{
	const struct key k = make_key(PEER_BACKEND, service, id);
	size_t len = 0;
	const uint8_t *value = ledger__get(l, k.bytes, k.len, &len);

	if (!value || !len)
		return false;
	*health = value[0];
	return true;
}

const char *peer_facts__version(const struct ledger *l, char *buf, size_t len)
{
	size_t n = 0;
	const char *text = ledger__get(l, "v", 1, &n);

	buf[0] = '\0';
	if (text)
		snprintf(buf, len, "%.*s", (int)n, text);
	return buf;
}

/* --- comparing ------------------------------------------------------------------------------------ */

/* What is told of one service here is looked for there. */
struct search {
	const struct ledger *there;
	bool there_is_ours; /* the second turn: only what is missing */
	char first[FL_NAME_LEN]; /* the name of the first difference; "": none so far */
	const char *what; /* and of what */
	size_t n;
};

/* The name in a key of that kind; false: it is of another one, or no name. */
static bool read_name(const void *key, size_t key_len, char kind, char name[FL_NAME_LEN])
{
	const char *k = key;

	if (k[0] != kind || key_len < 2 || key_len > 1 + NAME_MAX_LEN ||
	    memchr(k + 1, '\0', key_len - 1))
		return false;
	memcpy(name, k + 1, key_len - 1);
	name[key_len - 1] = '\0';
	return true;
}

static void found(struct search *s, const char *name, const char *what)
{
	s->n++;
	if (s->first[0] && strcmp(s->first, name) <= 0)
		return;
	snprintf(s->first, sizeof(s->first), "%s", name);
	s->what = what;
}

static bool same_config(const struct peer_service *a, const struct peer_service *b)
{
	return a->front == b->front && a->backends == b->backends && a->probe == b->probe &&
	       a->rest == b->rest;
}

bool peer_facts__same_service(const struct ledger *ours, const struct ledger *theirs,
			      const char *name)
{
	struct peer_service here, there;

	return peer_facts__service(ours, name, &here) &&
	       peer_facts__service(theirs, name, &there) && same_config(&here, &there);
}

const char *peer_facts__service_of(const void *key, size_t key_len, char name[FL_NAME_LEN])
{
	const char *k = key;
	size_t n = key_len ? strnlen(k + 1, key_len - 1) : 0;

	name[0] = '\0';
	if (n && n <= NAME_MAX_LEN && (k[0] == PEER_SERVICE || k[0] == PEER_BACKEND)) {
		memcpy(name, k + 1, n);
		name[n] = '\0';
	}
	return name;
}

const char *peer_facts__difference(const struct peer_service *a, const struct peer_service *b)
{
	return a->front != b->front	    ? "address, ports, affinity or number of slots"
	       : a->backends != b->backends ? "backends"
	       : a->probe != b->probe	    ? "probe"
	       : a->rest != b->rest	    ? "way of forwarding, times or health"
					    : "";
}

static void compare_config(void *ctx, const void *key, size_t key_len, const void *value,
			   size_t len)
{
	struct peer_service here, there;
	struct search *s = ctx;
	char name[FL_NAME_LEN];

	if (!read_name(key, key_len, PEER_SERVICE, name) || !read_service(value, len, &here))
		return;
	if (!peer_facts__service(s->there, name, &there)) {
		found(s, name, s->there_is_ours ? "is only there" : "is only here");
		return;
	}
	if (!same_config(&here, &there))
		found(s, name, peer_facts__difference(&here, &there));
}

bool peer_facts__same_flow_key(const struct ledger *ours, const struct ledger *theirs)
{
	size_t our_len = 0, their_len = 0;
	const void *our_key = ledger__get(ours, "k", 1, &our_len),
		   *their_key = ledger__get(theirs, "k", 1, &their_len);

	return !our_key || !their_key ||
	       (our_len == their_len && memcmp(our_key, their_key, our_len) == 0);
}

bool peer_facts__same_config(const struct ledger *ours, const struct ledger *theirs, char *text)
{
	struct search s = {.there = theirs};

	if (!peer_facts__same_flow_key(ours, theirs)) {
		snprintf(text, PEER_DIFFERENCE_LEN, "flow_key");
		return false;
	}
	ledger__each(ours, compare_config, &s);
	s.there = ours;
	s.there_is_ours = true;
	ledger__each(theirs, compare_config, &s);
	if (!s.first[0])
		return true;
	if (strncmp(s.what, "is ", 3) == 0)
		snprintf(text, PEER_DIFFERENCE_LEN, "service '%s' %s", s.first, s.what);
	else
		snprintf(text, PEER_DIFFERENCE_LEN, "service '%s': %s", s.first, s.what);
	return false;
}

static void compare_table(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct peer_service here, there;
	struct search *s = ctx;
	char name[FL_NAME_LEN];

	if (read_name(key, key_len, PEER_SERVICE, name) && read_service(value, len, &here) &&
	    peer_facts__service(s->there, name, &there) && same_config(&here, &there) &&
	    here.table != there.table)
		found(s, name, "");
}

size_t peer_facts__other_tables(const struct ledger *ours, const struct ledger *theirs, char *first)
{
	struct search s = {.there = theirs};

	ledger__each(ours, compare_table, &s);
	memcpy(first, s.first, sizeof(s.first));
	return s.n;
}

struct disputes {
	const struct ledger *theirs;
	peer_dispute_cb *each;
	void *ctx;
};

static void compare_backend(void *ctx, const void *key, size_t key_len, const void *value,
			    size_t len)
{
	const struct disputes *d = ctx;
	const char *k = key, *end = key_len > 1 ? memchr(k + 1, '\0', key_len - 1) : NULL;
	char service[FL_NAME_LEN], id[FL_ID_LEN];
	const uint8_t *ours = value, *theirs;
	size_t their_len = 0, id_len;

	if (k[0] != PEER_BACKEND || !end || !len)
		return;
	id_len = key_len - (size_t)(end + 1 - k);
	if ((size_t)(end - k - 1) > NAME_MAX_LEN || id_len > ID_MAX_LEN)
		return;
	theirs = ledger__get(d->theirs, key, key_len, &their_len);
	if (!theirs || !their_len || ours[0] == theirs[0])
		return;
	snprintf(service, sizeof(service), "%s", k + 1);
	snprintf(id, sizeof(id), "%.*s", (int)id_len, end + 1);
	d->each(d->ctx, service, id, ours[0], theirs[0]);
}

void peer_facts__disputes(const struct ledger *ours, const struct ledger *theirs,
			  peer_dispute_cb *each, void *ctx)
{
	struct disputes d = {theirs, each, ctx};

	ledger__each(ours, compare_backend, &d);
}
