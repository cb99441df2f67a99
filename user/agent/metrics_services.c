/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services and backends in the metrics: what is told of them is copied on the loop, and becomes text on a worker,
 * as thousands of backends are megabytes of it. Samples of one family stand together, so the copies are gone
 * through once for each. Backends that are no longer configured are not among them: they are in status, and
 * counted as `leaving`.
 */
#include "agent/metrics.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/names.h"

#define LABELS_LEN 192 /* that an entry's fit into */
#define NONE UINT64_MAX /* a value that there is not */

/* How a value is written. */
enum form { WHOLE, SECONDS, PARTS };

/* --- services --------------------------------------------------------------------------------------- */

static struct fl_count service_count(const struct service *s)
{
	return metrics__count(s->agent, &s->rate, PLANE_SERVICE, s->id);
}

#define SERVICE_VALUE(name, value)                    \
	static uint64_t name(const struct service *s) \
	{                                             \
		return value;                         \
	}

SERVICE_VALUE(service_packets, service_count(s).packets)
SERVICE_VALUE(service_bytes, service_count(s).bytes)
SERVICE_VALUE(service_usable, service__usable(s))
SERVICE_VALUE(service_min_up, s->config->min_up)
SERVICE_VALUE(service_serving, s->enough.is && !s->unserved)
SERVICE_VALUE(service_slots, plane__slots(s->slot_class))
SERVICE_VALUE(service_unserved, s->unserved)
SERVICE_VALUE(service_moving, s->sums.moving)
SERVICE_VALUE(service_pinned, s->sums.pinned)
SERVICE_VALUE(service_waiting, s->sums.waiting)
SERVICE_VALUE(service_vacant, table_seats__vacant(s->seats))
SERVICE_VALUE(service_generation, s->generation)
SERVICE_VALUE(service_records, s->records)
SERVICE_VALUE(service_panic, s->pool.panic)
SERVICE_VALUE(service_backups, s->pool.backups)

static uint64_t service_disputed(const struct service *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_members; i++)
		n += s->members[i]->disputed;
	return n;
}

static const struct {
	const char *name;
	enum prom_type type;
	const char *help;
	uint64_t (*of)(const struct service *s);
} service_families[] = {
	{"fairlead_service_packets_total", PROM_COUNTER,
	 "Packets for the VIP, whatever became of them.", service_packets},
	{"fairlead_service_bytes_total", PROM_COUNTER,
	 "Bytes of these packets, Ethernet headers included.", service_bytes},
	{"fairlead_service_serving", PROM_GAUGE,
	 "Whether enough backends take new flows (min_up, min_up_again, min_up_hold), and every slot has one.",
	 service_serving},
	{"fairlead_service_backends_usable", PROM_GAUGE, "Backends that take new flows.",
	 service_usable},
	{"fairlead_service_backends_min_up", PROM_GAUGE, "How many are to, by min_up.",
	 service_min_up},
	{"fairlead_service_panic", PROM_GAUGE,
	 "Whether too few backends are well, so that all get flows.", service_panic},
	{"fairlead_service_backups_used", PROM_GAUGE, "Whether the backups are called in.",
	 service_backups},
	{"fairlead_service_backends_disputed", PROM_GAUGE,
	 "Backends that are up by the probes of one balancer, and down by another's.",
	 service_disputed},
	{"fairlead_service_slots", PROM_GAUGE, "Slots of the table.", service_slots},
	{"fairlead_service_slots_unserved", PROM_GAUGE,
	 "Slots without a backend; their packets are dropped.", service_unserved},
	{"fairlead_service_slots_moving", PROM_GAUGE, "Slots that move to another backend.",
	 service_moving},
	{"fairlead_service_slots_pinned", PROM_GAUGE,
	 "Slots that have moved, and of which connections may be left.", service_pinned},
	{"fairlead_service_slots_waiting", PROM_GAUGE,
	 "Slots that are to move, and wait for room for records.", service_waiting},
	{"fairlead_service_seats_vacant", PROM_GAUGE, "Places in the table whose backend has left.",
	 service_vacant},
	{"fairlead_service_tables_total", PROM_COUNTER,
	 "Tables that were made live since the agent began.", service_generation},
	{"fairlead_service_records", PROM_GAUGE,
	 "Connections on record, as the last count found them.", service_records},
};
#define N_OF_SERVICE (sizeof(service_families) / sizeof(*service_families))

static const char *const states[] = {"up",	 "starting", "suspect", "draining",
				     "disabled", "down",     "unknown", "leaving"};
enum { STATES = sizeof(states) / sizeof(*states), LEAVING = STATES - 1 };

/* --- backends of services ---------------------------------------------------------------------------- */

#define MEMBER_VALUE(name, value)                    \
	static uint64_t name(const struct member *m) \
	{                                            \
		return value;                        \
	}

MEMBER_VALUE(member_usable, health__is_well(&m->health) && m->weight)
MEMBER_VALUE(member_weight, m->weight)
MEMBER_VALUE(member_slots, m->slots)
MEMBER_VALUE(member_leaving, m->leaving)
MEMBER_VALUE(member_records, flow_sweep__records(m->service->agent, m))
MEMBER_VALUE(member_probes, m->probes_ok + m->probes_failed)
MEMBER_VALUE(member_failures, m->probes_failed)
MEMBER_VALUE(member_flaps, m->health.flaps)
MEMBER_VALUE(member_ratio, m->parts)
MEMBER_VALUE(member_since, m->health.since_ns)
MEMBER_VALUE(member_resolved, m->target->hop && m->target->hop->net.resolved)
MEMBER_VALUE(member_probe_ok, m->probe_at_ns ? m->probe_ok : NONE)
MEMBER_VALUE(member_probe_time, m->probe_at_ns ? m->probe_latency_ns : NONE)
MEMBER_VALUE(member_alarms, m->service->watch ? passive__alarms(m) : NONE)

static const struct {
	const char *name;
	enum prom_type type;
	enum form form;
	const char *help;
	uint64_t (*of)(const struct member *m);
} member_families[] = {
	{"fairlead_backend_usable", PROM_GAUGE, WHOLE, "Whether the backend takes new flows.",
	 member_usable},
	{"fairlead_backend_weight", PROM_GAUGE, WHOLE, "Its configured weight.", member_weight},
	{"fairlead_backend_weight_ratio", PROM_GAUGE, PARTS,
	 "How much of its weight it takes now, 0 to 1.", member_ratio},
	{"fairlead_backend_slots", PROM_GAUGE, WHOLE, "Slots that it has now.", member_slots},
	{"fairlead_backend_slots_leaving", PROM_GAUGE, WHOLE, "Slots that are moving away from it.",
	 member_leaving},
	{"fairlead_backend_records", PROM_GAUGE, WHOLE,
	 "Its connections on record, as the last count found them.", member_records},
	{"fairlead_backend_last_change_timestamp_seconds", PROM_GAUGE, SECONDS,
	 "Last change of its state, or of an operator's word.", member_since},
	{"fairlead_backend_flaps", PROM_GAUGE, WHOLE,
	 "How often it went down without having been up for flap_forget before.", member_flaps},
	{"fairlead_backend_nexthop_resolved", PROM_GAUGE, WHOLE,
	 "Whether the MAC address on the way to it is known.", member_resolved},
	{"fairlead_backend_probes_total", PROM_COUNTER, WHOLE,
	 "Probes that have ended, since the agent began.", member_probes},
	{"fairlead_backend_probe_failures_total", PROM_COUNTER, WHOLE,
	 "Probes that have failed, since the agent began.", member_failures},
	{"fairlead_backend_probe_success", PROM_GAUGE, WHOLE, "Whether the last probe was well.",
	 member_probe_ok},
	{"fairlead_backend_probe_duration_seconds", PROM_GAUGE, SECONDS,
	 "How long the last probe took.", member_probe_time},
	{"fairlead_backend_passive_alarms_total", PROM_COUNTER, WHOLE,
	 "How often too many of its new connections saw no answer, since the agent began.",
	 member_alarms},
};
#define N_OF_MEMBER (sizeof(member_families) / sizeof(*member_families))

/* --- entries of `backends` ---------------------------------------------------------------------------- */

static const struct {
	const char *name, *help;
} entry_families[] = {
	{"fairlead_backend_packets_total",
	 "Packets sent to a backend by all services that reach it by this entry."},
	{"fairlead_backend_bytes_total",
	 "Bytes of these packets as they came, before a tunnel's header."},
	/* Of backends whose new connections are watched: */
	{"fairlead_backend_syns_sampled_total", "SYNs that were noted, modulo 2^32."},
	{"fairlead_backend_syns_completed_total",
	 "Noted SYNs that the client's ACK followed within 400 ms."},
	{"fairlead_backend_syns_incomplete_total", "Noted SYNs without an answer by then."},
	{"fairlead_backend_syns_reset_total", "Noted SYNs that the client has reset before."},
	{"fairlead_backend_syns_repeated_total", "SYNs that came again."},
};
#define N_OF_ENTRY (sizeof(entry_families) / sizeof(*entry_families))
#define N_UNWATCHED 2

/* --- the copies -------------------------------------------------------------------------------------- */

/* Where labels are among all of them, and values of the families above. */
struct told_service {
	size_t labels, info;
	uint64_t values[N_OF_SERVICE], in_state[STATES];
	struct timing probe_times;
};

struct told_member {
	uint32_t service; /* in listing.services */
	uint32_t entry; /* in listing.entries */
	const char *state; /* a constant */
	uint64_t values[N_OF_MEMBER];
};

struct told_entry {
	size_t labels;
	uint64_t values[N_OF_ENTRY];
};

struct listing {
	struct told_service *services;
	struct told_member *members;
	struct told_entry *entries;
	size_t n_services, n_members, n_entries;
	struct prom labels;
	bool watched;
};

void listing__free(struct listing *l)
{
	if (!l)
		return;
	free(l->services);
	free(l->members);
	free(l->entries);
	free(l->labels.text);
	free(l);
}

/*
 * A target's labels, made when they are asked for first: id, address and index never change. "", and the
 * listing has failed: out of memory.
 */
static const char *labels_of(struct listing *l, struct target *t)
{
	char address[ADDR_STRLEN], index[12];
	struct prom text = {.room = 0};
	struct addr at;

	if (t->labels)
		return t->labels;
	memcpy(at.b, t->entry.addr, sizeof(at.b));
	snprintf(index, sizeof(index), "%u", t->index);
	prom__expect(&text, LABELS_LEN);
	if (prom__labels(&text, "backend", t->entry.id, "address", addr__format(&at, address),
			 "entry", index, (const char *)NULL) == 0)
		t->labels = text.text;
	else
		free(text.text);
	l->labels.failed |= !t->labels;
	return t->labels ? t->labels : "";
}

static bool make_room(const struct agent *a, struct listing *l)
{
	size_t n_services = 0, n_members = 0, n_entries = 0;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		n_services += s->config != NULL;
		n_members += s->config ? s->n_members : 0;
	}
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++)
		n_entries += a->by_index[i] != NULL;
	l->services = calloc(n_services + 1, sizeof(*l->services));
	l->members = calloc(n_members + 1, sizeof(*l->members));
	l->entries = calloc(n_entries + 1, sizeof(*l->entries));
	return l->services && l->members && l->entries;
}

static size_t info_of(struct listing *l, const struct service *s)
{
	char vip[ADDR_PREFIX_STRLEN], ports[NAMES_LEN], protocol[NAMES_LEN];
	const struct config_service *c = s->config;

	return prom__labels(&l->labels, "service", s->name, "vip",
			    addr_prefix__format(&c->vip, vip), "ports", names__ports(c, ports),
			    "protocol", names__protocol(c->proto, protocol), "forward",
			    config_forward__name(c->forward), (const char *)NULL);
}

static void count_states(const struct service *s, uint64_t *in_state)
{
	const struct member *m;

	for (size_t i = 0; i < s->n_members; i++) {
		const char *name = health__name(&s->members[i]->health);

		for (size_t j = 0; j < LEAVING; j++)
			in_state[j] += strcmp(name, states[j]) == 0;
	}
	TAILQ_FOREACH (m, &s->retired, retired_entry)
		in_state[LEAVING]++;
}

static void take_service(struct listing *l, const struct service *s, const uint32_t *place)
{
	struct told_service *told = &l->services[l->n_services];

	told->labels = prom__labels(&l->labels, "service", s->name, (const char *)NULL);
	told->info = info_of(l, s);
	told->probe_times = s->probe_times;
	for (size_t f = 0; f < N_OF_SERVICE; f++)
		told->values[f] = service_families[f].of(s);
	count_states(s, told->in_state);
	for (size_t i = 0; i < s->n_members; i++) {
		const struct member *m = s->members[i];
		struct told_member *t = &l->members[l->n_members++];

		t->service = (uint32_t)l->n_services;
		t->entry = place[m->target->index];
		t->state = health__name(&m->health);
		for (size_t f = 0; f < N_OF_MEMBER; f++)
			t->values[f] = member_families[f].of(m);
	}
	l->n_services++;
}

/* Those of backends that have left, too, until nothing names them. `place`: where each is. */
static void take_entries(struct agent *a, struct listing *l, uint32_t *place)
{
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		struct target *t = a->by_index[i];
		struct fl_count packets;
		struct fl_passive syns;

		if (!t)
			continue;
		packets = metrics__count(a, &t->rate, PLANE_BACKEND, i);
		syns = plane__passive(a->plane, i);
		place[i] = (uint32_t)l->n_entries;
		l->entries[l->n_entries++] = (struct told_entry){
			.labels = prom__join(&l->labels, labels_of(l, t), "", 0),
			.values = {packets.packets, packets.bytes, syns.sampled, syns.completed,
				   syns.incomplete, syns.reset, syns.repeated},
		};
	}
}

struct listing *listing__take(struct agent *a)
{
	uint32_t *place = calloc(FL_MAX_BACKENDS, sizeof(*place));
	struct listing *l = calloc(1, sizeof(*l));
	const struct service *s;

	if (!place || !l || !make_room(a, l)) {
		free(place);
		listing__free(l);
		return NULL;
	}
	l->watched = uv_is_active((const uv_handle_t *)&a->passive.timer);
	take_entries(a, l, place);
	TAILQ_FOREACH (s, &a->services, entry) {
		if (s->config)
			take_service(l, s, place);
	}
	free(place);
	if (!l->labels.failed)
		return l;
	listing__free(l);
	return NULL;
}

/* --- the text ---------------------------------------------------------------------------------------- */

static void write_value(struct prom *out, const char *labels, enum form form, uint64_t value)
{
	if (value == NONE)
		return;
	if (form == SECONDS)
		prom__seconds(out, labels, value);
	/* Steps of a twentieth: snprintf() is for others. */
	else if (form == PARTS && value && value != TABLE_PARTS)
		prom__real(out, labels, (double)value / TABLE_PARTS);
	else
		prom__integer(out, labels, form == PARTS ? value != 0 : value);
}

/* How many are in each state; 0 is told, too, so that alerts have something to compare. */
static void write_states(struct prom *out, const struct listing *l, struct prom *room)
{
	prom__family(out, "fairlead_service_backends", PROM_GAUGE,
		     "Backends of the service, by their state.");
	for (size_t i = 0; i < l->n_services; i++) {
		for (size_t j = 0; j < STATES; j++) {
			char state[NAMES_LEN];
			int len = snprintf(state, sizeof(state), "state=\"%s\"", states[j]);

			room->len = 0;
			if (!prom__join(room, l->labels.text + l->services[i].labels, state,
					(size_t)len))
				prom__integer(out, room->text, l->services[i].in_state[j]);
		}
	}
}

static void write_services(struct prom *out, const struct listing *l, struct prom *room)
{
	prom__family(out, "fairlead_service_info", PROM_GAUGE, "What a service is; always 1.");
	for (size_t i = 0; i < l->n_services; i++)
		prom__integer(out, l->labels.text + l->services[i].info, 1);
	write_states(out, l, room);
	for (size_t f = 0; f < N_OF_SERVICE; f++) {
		prom__family(out, service_families[f].name, service_families[f].type,
			     service_families[f].help);
		for (size_t i = 0; i < l->n_services; i++)
			prom__integer(out, l->labels.text + l->services[i].labels,
				      l->services[i].values[f]);
	}
	prom__family(out, "fairlead_probe_duration_seconds", PROM_HISTOGRAM,
		     "How long probes of the service's backends took, since the agent began.");
	for (size_t i = 0; i < l->n_services; i++)
		prom__timing(out, l->labels.text + l->services[i].labels,
			     &l->services[i].probe_times);
}

/* Only the state that it is in has a sample: at thousands of backends the others would be most of the text. */
static void write_member_states(struct prom *out, const struct listing *l, const size_t *labels,
				const struct prom *all, struct prom *room)
{
	prom__family(out, "fairlead_backend_state", PROM_GAUGE,
		     "The state that it is in; always 1.");
	for (size_t i = 0; i < l->n_members; i++) {
		char state[NAMES_LEN];
		int len = snprintf(state, sizeof(state), "state=\"%s\"", l->members[i].state);

		room->len = 0;
		if (!prom__join(room, all->text + labels[i], state, (size_t)len))
			prom__integer(out, room->text, 1);
	}
}

/* Which entry it has: counters are the entry's, which services may share. */
static void write_member_info(struct prom *out, const struct listing *l, struct prom *room)
{
	prom__family(out, "fairlead_backend_info", PROM_GAUGE,
		     "Which entry of the map backends it has in the service; always 1.");
	for (size_t i = 0; i < l->n_members; i++) {
		const struct told_member *m = &l->members[i];
		const char *entry = l->labels.text + l->entries[m->entry].labels;

		room->len = 0;
		if (!prom__join(room, l->labels.text + l->services[m->service].labels, entry,
				strlen(entry)))
			prom__integer(out, room->text, 1);
	}
}

/* Those of the service, and the backend's id, which is the first of its entry's. */
static void join_labels(const struct listing *l, size_t *labels, struct prom *all)
{
	for (size_t i = 0; i < l->n_members; i++) {
		const struct told_member *m = &l->members[i];
		const char *entry = l->labels.text + l->entries[m->entry].labels;

		labels[i] = prom__join(all, l->labels.text + l->services[m->service].labels, entry,
				       strcspn(entry, ","));
	}
}

static void write_members(struct prom *out, const struct listing *l, struct prom *room)
{
	size_t *labels = calloc(l->n_members + 1, sizeof(*labels));
	struct prom all = {.room = 0};

	if (labels)
		join_labels(l, labels, &all);
	out->failed |= !labels || all.failed;
	if (!out->failed) {
		write_member_states(out, l, labels, &all, room);
		write_member_info(out, l, room);
	}
	for (size_t f = 0; f < N_OF_MEMBER && !out->failed; f++) {
		prom__family(out, member_families[f].name, member_families[f].type,
			     member_families[f].help);
		for (size_t i = 0; i < l->n_members; i++)
			write_value(out, all.text + labels[i], member_families[f].form,
				    l->members[i].values[f]);
	}
	free(labels);
	free(all.text);
}

void listing__write(const struct listing *l, struct prom *out)
{
	struct prom room = {.room = 0};

	write_services(out, l, &room);
	write_members(out, l, &room);
	for (size_t f = 0; f < (l->watched ? N_OF_ENTRY : N_UNWATCHED); f++) {
		prom__family(out, entry_families[f].name, PROM_COUNTER, entry_families[f].help);
		for (size_t i = 0; i < l->n_entries; i++)
			prom__integer(out, l->labels.text + l->entries[i].labels,
				      l->entries[i].values[f]);
	}
	out->failed |= room.failed;
	free(room.text);
}
