/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.c - whose the replies of backends are, and the pool of full NAT.
 *
 * Where one service alone uses a backend's port, `nat_back` names it, and replies need no record. The
 * order of changes sees to it that no reply goes out under another service's name:
 *
 *   - a second service comes: flows get records first (FL_BE_RECORD), then the name goes, and only
 *     then packets find the service (commit.c calls nat__sync() before it publishes);
 *   - a service goes: what is left has no name of its own as long as replies for the one that went may
 *     still come, which is `idle` of the one that stays. Until then its flows have records.
 */
#include "agent/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#define NS_PER_S UINT64_C(1000000000)

void nat__touch(struct agent *a)
{
	a->nat.dirty = true;
}

void nat__free(struct agent *a)
{
	free(a->nat.pauses);
}

/* --- uses --------------------------------------------------------------------------------------- */

static struct nat_use use_of(const struct member *m)
{
	const struct fl_backend *b = &m->target->entry;
	const struct service_key *k = &m->service->key;
	uint16_t first = ntohs(k->key.port);
	bool one_port = first == k->port_last;
	struct nat_use u = {
		.first = b->port ? ntohs(b->port) : first,
		.last = b->port ? ntohs(b->port) : k->port_last,
		.proto = k->key.proto,
		.one_vip = k->key.prefix == 128,
		.vip_port = one_port ? first : 0,
		.service = (uint16_t)m->service->id,
		.index = m->target->index,
	};

	memcpy(u.backend.b, b->addr, sizeof(u.backend.b));
	memcpy(u.vip.b, k->key.addr, sizeof(u.vip.b));
	return u;
}

static bool is_nat(const struct target *t)
{
	return t && t->entry.mode == FL_FWD_NAT;
}

/* Of all members there are: running, about to be, and those whose last packets are under way. */
static int collect(const struct agent *a, struct nat_use **out, size_t *n_out)
{
	const struct member *m;
	struct nat_use *uses;
	size_t n = 0;

	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (is_nat(a->by_index[i])) {
			LIST_FOREACH (m, &a->by_index[i]->members, target_entry)
				n++;
		}
	}
	uses = calloc(n + 1, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	n = 0;
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (is_nat(a->by_index[i])) {
			LIST_FOREACH (m, &a->by_index[i]->members, target_entry)
				uses[n++] = use_of(m);
		}
	}
	*out = uses;
	*n_out = n;
	return 0;
}

/* --- pauses ------------------------------------------------------------------------------------- */

static struct nat_pause *find_pause(const struct agent *a, const struct fl_endpoint *e)
{
	for (size_t i = 0; i < a->nat.n_pauses; i++) {
		if (memcmp(&a->nat.pauses[i].endpoint, e, sizeof(*e)) == 0)
			return &a->nat.pauses[i];
	}
	return NULL;
}

static struct nat_pause *add_pause(struct agent *a, const struct nat_entry *e)
{
	struct nat_pause *more, *p;

	more = realloc(a->nat.pauses, (a->nat.n_pauses + 1) * sizeof(*more));
	if (!more)
		return NULL;
	a->nat.pauses = more;
	p = &more[a->nat.n_pauses++];
	p->endpoint = e->key;
	p->until_ns = uv_hrtime() + plane__service(a->plane, e->value.service)->idle_s * NS_PER_S;
	return p;
}

/* Must the endpoint go on without the name that it should have? */
static bool is_paused(struct agent *a, const struct nat_entry *e)
{
	const struct fl_nat_back *have = plane__nat_name(a->plane, &e->key);
	struct nat_pause *p;

	if (!have || nat_back__same_name(have, &e->value))
		return false;
	p = find_pause(a, &e->key);
	if (!p)
		p = add_pause(a, e);
	return !p || p->until_ns > uv_hrtime();
}

static int compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_endpoint));
}

static const struct nat_entry *entry_of(const struct nat_entry *list, size_t n,
					const struct fl_endpoint *e)
{
	return n ? bsearch(e, list, n, sizeof(*list), compare_entries) : NULL;
}

/* Takes the names away that cannot be given yet. */
static void pause_names(struct agent *a, struct nat_entry *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].value.service && is_paused(a, &list[i]))
			memset(&list[i].value, 0, sizeof(list[i].value));
	}
}

/* Pauses that are over, or of endpoints that are no more, or not alone any more. */
static void forget_pauses(struct agent *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->nat.n_pauses; i++) {
		const struct nat_pause *p = &a->nat.pauses[i];

		if (p->until_ns > uv_hrtime() && plane__nat_name(a->plane, &p->endpoint))
			a->nat.pauses[kept++] = *p;
	}
	a->nat.n_pauses = kept;
}

/* --- the map ------------------------------------------------------------------------------------ */

static void set_record(struct agent *a, struct target *t, bool record)
{
	if (t->record == record)
		return;
	t->record = record;
	plane__backend_flag(a->plane, t->index, FL_BE_RECORD, record);
}

static bool needs_record(const struct nat_use *u, const struct nat_entry *list, size_t n)
{
	struct fl_endpoint endpoint = nat_use__endpoint(u);
	const struct nat_entry *e = entry_of(list, n, &endpoint);

	return u->record || !e || !e->value.service;
}

/* Which entries of `backends` need the flag: one for each index. */
static bool *records_of(const struct nat_use *uses, size_t n_uses, const struct nat_entry *list,
			size_t n)
{
	bool *wanted = calloc(FL_MAX_BACKENDS, sizeof(*wanted));

	for (size_t i = 0; wanted && i < n_uses; i++) {
		if (needs_record(&uses[i], list, n))
			wanted[uses[i].index] = true;
	}
	return wanted;
}

static int write_map(struct agent *a, const bool *record, const struct nat_entry *list, size_t n,
		     struct err *err)
{
	int rc;

	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (is_nat(a->by_index[i]) && record[i])
			set_record(a, a->by_index[i], true);
	}
	rc = plane__nat_back(a->plane, list, n, err);
	for (uint32_t i = 0; !rc && i < FL_MAX_BACKENDS; i++) {
		if (is_nat(a->by_index[i]) && !record[i])
			set_record(a, a->by_index[i], false);
	}
	return rc;
}

int nat__sync(struct agent *a, struct err *err)
{
	struct nat_entry *list = NULL;
	struct nat_use *uses = NULL;
	size_t n_uses = 0, n = 0;
	bool *record = NULL;
	int rc;

	rc = collect(a, &uses, &n_uses);
	if (!rc)
		rc = nat_back__build(uses, n_uses, &list, &n);
	if (!rc) {
		pause_names(a, list, n);
		record = records_of(uses, n_uses, list, n);
	}
	if (rc || !record)
		rc = err__set(err, -ENOMEM, "out of memory");
	else
		rc = write_map(a, record, list, n, err);
	if (!rc) {
		a->nat.dirty = false;
		forget_pauses(a);
	}
	a->nat.failed = rc != 0;
	free(record);
	free(list);
	free(uses);
	return rc;
}

void nat__flush(struct agent *a)
{
	struct err err;

	if (a->nat.dirty && !a->nat.failed && nat__sync(a, &err))
		log_error("%s; replies of new backends do not reach their clients; next try in 1 s",
			  err.text);
}

void nat__tick(struct agent *a)
{
	uint64_t now = uv_hrtime();

	a->nat.failed = false;
	for (size_t i = 0; i < a->nat.n_pauses; i++) {
		if (a->nat.pauses[i].until_ns <= now)
			a->nat.dirty = true;
	}
}

/* --- full NAT ----------------------------------------------------------------------------------- */

/* One that a group has is the active machine's. */
static bool is_of_group(const struct config *c, const struct addr *a)
{
	for (size_t g = 0; g < c->n_vrrp; g++) {
		for (size_t i = 0; i < c->vrrp[g].n_addresses; i++) {
			if (addr__equal(&c->vrrp[g].addresses[i], a))
				return true;
		}
	}
	return false;
}

static void warn_of_strangers(struct agent *a, const struct config *c, const struct addr *list,
			      size_t n)
{
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++) {
		if (!net__is_local(a->net, &list[i]) && !is_of_group(c, &list[i]))
			log_warn("snat: %s is not an address of this machine, so replies to it may "
				 "not come back: add it to an interface, or have it routed here",
				 addr__format(&list[i], text));
	}
}

struct snat_part nat__part(const struct config *c)
{
	const struct addr *others[CONFIG_MAX_PEERS];

	for (size_t i = 0; i < c->n_peers; i++)
		others[i] = &c->peers[i].address;
	return snat__part(c->snat_port_first, c->snat_port_last, &c->peer_listen, others,
			  c->n_peers);
}

int nat__pool(struct agent *a, const struct config *c, struct err *err)
{
	struct snat_part part = nat__part(c);
	struct plane_snat snat = {
		.addrs4 = c->snat4,
		.addrs6 = c->snat6,
		.n4 = c->n_snat4,
		.n6 = c->n_snat6,
		.port_first = part.first,
		.port_last = part.last,
	};
	int rc = plane__snat(a->plane, &snat, err);

	if (rc)
		return rc;
	warn_of_strangers(a, c, c->snat4, c->n_snat4);
	warn_of_strangers(a, c, c->snat6, c->n_snat6);
	return 0;
}
