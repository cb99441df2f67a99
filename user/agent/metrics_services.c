/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples of one family stand together, so services and backends are gone through once for each. Their labels
 * are made once for all. Backends that are no longer configured are not among them: they are in status, and
 * counted as `leaving`.
 */
#include "agent/metrics.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/names.h"

/* A service, a backend of it, or an entry of `backends`, and where its labels are among all of them. */
struct labelled {
	const struct service *service;
	const struct member *member;
	struct fl_count packets; /* of the entry */
	struct fl_passive syns; /* likewise */
	size_t labels;
};

#define LABELS_LEN 192 /* that an entry's fit into */

struct listing {
	struct agent *agent;
	struct labelled *services, *members, *entries;
	size_t n_services, n_members, n_entries;
	struct prom *labels;
};

/* One family: its samples of one service or backend. */
struct family {
	const char *name;
	enum prom_type type;
	const char *help;
	void (*write)(struct prom *out, const char *labels, const struct labelled *of);
};

static void write_all(struct prom *out, const struct listing *l, const struct family *f,
		      const struct labelled *list, size_t n)
{
	prom__family(out, f->name, f->type, f->help);
	for (size_t i = 0; i < n; i++)
		f->write(out, l->labels->text + list[i].labels, &list[i]);
}

/* --- services --------------------------------------------------------------------------------------- */

static struct fl_count service_count(const struct service *s)
{
	return metrics__count(s->agent, &s->rate, PLANE_SERVICE, s->id);
}

#define SERVICE_VALUE(name, value)                                                        \
	static void name(struct prom *out, const char *labels, const struct labelled *of) \
	{                                                                                 \
		const struct service *s = of->service;                                    \
                                                                                          \
		prom__integer(out, labels, value);                                        \
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

static void service_disputed(struct prom *out, const char *labels, const struct labelled *of)
{
	const struct service *s = of->service;
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_members; i++)
		n += s->members[i]->disputed;
	prom__integer(out, labels, n);
}

static void service_probe_times(struct prom *out, const char *labels, const struct labelled *of)
{
	prom__timing(out, labels, &of->service->probe_times);
}

static const struct family service_families[] = {
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
	{"fairlead_probe_duration_seconds", PROM_HISTOGRAM,
	 "How long probes of the service's backends took, since the agent began.",
	 service_probe_times},
};

static void write_service_info(struct prom *out, const struct listing *l, struct prom *labels)
{
	char vip[ADDR_PREFIX_STRLEN], ports[NAMES_LEN], protocol[NAMES_LEN];

	prom__family(out, "fairlead_service_info", PROM_GAUGE, "What a service is; always 1.");
	for (size_t i = 0; i < l->n_services; i++) {
		const struct config_service *c = l->services[i].service->config;

		prom__integer(out,
			      METRICS_LABELS(labels, "service", l->services[i].service->name, "vip",
					     addr_prefix__format(&c->vip, vip), "ports",
					     names__ports(c, ports), "protocol",
					     names__protocol(c->proto, protocol), "forward",
					     config_forward__name(c->forward)),
			      1);
	}
}

/* How many backends are in each state; 0 is told, too, so that alerts have something to compare. */
static void write_states(struct prom *out, const struct listing *l, struct prom *labels)
{
	static const char *const states[] = {"up",	 "starting", "suspect", "draining",
					     "disabled", "down",     "unknown", "leaving"};
	enum { STATES = sizeof(states) / sizeof(*states), LEAVING = STATES - 1 };

	prom__family(out, "fairlead_service_backends", PROM_GAUGE,
		     "Backends of the service, by their state.");
	for (size_t i = 0; i < l->n_services; i++) {
		const struct service *s = l->services[i].service;
		uint64_t n[STATES] = {0};
		const struct member *m;

		for (size_t k = 0; k < s->n_members; k++) {
			for (size_t j = 0; j < LEAVING; j++)
				n[j] += strcmp(health__name(&s->members[k]->health), states[j]) ==
					0;
		}
		TAILQ_FOREACH (m, &s->retired, retired_entry)
			n[LEAVING]++;
		for (size_t j = 0; j < STATES; j++)
			prom__integer(
				out, METRICS_LABELS(labels, "service", s->name, "state", states[j]),
				n[j]);
	}
}

/*
 * A target's labels, made when they are asked for first: id, address and index never change. "": out of
 * memory.
 */
static const char *labels_of(struct target *t)
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
	return t->labels ? t->labels : "";
}

/* The first of them, which is the backend's id. */
static size_t id_len(const char *labels)
{
	return strcspn(labels, ",");
}

/* --- backends of services ---------------------------------------------------------------------------- */

#define MEMBER_VALUE(name, value)                                                         \
	static void name(struct prom *out, const char *labels, const struct labelled *of) \
	{                                                                                 \
		const struct member *m = of->member;                                      \
                                                                                          \
		prom__integer(out, labels, value);                                        \
	}

MEMBER_VALUE(member_usable, health__is_well(&m->health) && m->weight)
MEMBER_VALUE(member_weight, m->weight)
MEMBER_VALUE(member_slots, m->slots)
MEMBER_VALUE(member_leaving, m->leaving)
MEMBER_VALUE(member_records, flow_sweep__records(m->service->agent, m))
MEMBER_VALUE(member_probes, m->probes_ok + m->probes_failed)
MEMBER_VALUE(member_failures, m->probes_failed)
MEMBER_VALUE(member_flaps, m->health.flaps)

static void member_ratio(struct prom *out, const char *labels, const struct labelled *of)
{
	/* Steps of a twentieth: snprintf() is for others. */
	if (of->member->parts == TABLE_PARTS || !of->member->parts)
		prom__integer(out, labels, of->member->parts != 0);
	else
		prom__real(out, labels, (double)of->member->parts / TABLE_PARTS);
}

static void member_since(struct prom *out, const char *labels, const struct labelled *of)
{
	prom__seconds(out, labels, of->member->health.since_ns);
}

static void member_resolved(struct prom *out, const char *labels, const struct labelled *of)
{
	const struct hop *h = of->member->target->hop;

	prom__integer(out, labels, h && h->net.resolved);
}

static void member_probe_ok(struct prom *out, const char *labels, const struct labelled *of)
{
	if (of->member->probe_at_ns)
		prom__integer(out, labels, of->member->probe_ok);
}

static void member_probe_time(struct prom *out, const char *labels, const struct labelled *of)
{
	if (of->member->probe_at_ns)
		prom__seconds(out, labels, of->member->probe_latency_ns);
}

static void member_alarms(struct prom *out, const char *labels, const struct labelled *of)
{
	if (of->service->watch)
		prom__integer(out, labels, passive__alarms(of->member));
}

static const struct family member_families[] = {
	{"fairlead_backend_usable", PROM_GAUGE, "Whether the backend takes new flows.",
	 member_usable},
	{"fairlead_backend_weight", PROM_GAUGE, "Its configured weight.", member_weight},
	{"fairlead_backend_weight_ratio", PROM_GAUGE,
	 "How much of its weight it takes now, 0 to 1.", member_ratio},
	{"fairlead_backend_slots", PROM_GAUGE, "Slots that it has now.", member_slots},
	{"fairlead_backend_slots_leaving", PROM_GAUGE, "Slots that are moving away from it.",
	 member_leaving},
	{"fairlead_backend_records", PROM_GAUGE,
	 "Its connections on record, as the last count found them.", member_records},
	{"fairlead_backend_last_change_timestamp_seconds", PROM_GAUGE,
	 "Last change of its state, or of an operator's word.", member_since},
	{"fairlead_backend_flaps", PROM_GAUGE,
	 "How often it went down without having been up for flap_forget before.", member_flaps},
	{"fairlead_backend_nexthop_resolved", PROM_GAUGE,
	 "Whether the MAC address on the way to it is known.", member_resolved},
	{"fairlead_backend_probes_total", PROM_COUNTER,
	 "Probes that have ended, since the agent began.", member_probes},
	{"fairlead_backend_probe_failures_total", PROM_COUNTER,
	 "Probes that have failed, since the agent began.", member_failures},
	{"fairlead_backend_probe_success", PROM_GAUGE, "Whether the last probe was well.",
	 member_probe_ok},
	{"fairlead_backend_probe_duration_seconds", PROM_GAUGE, "How long the last probe took.",
	 member_probe_time},
	{"fairlead_backend_passive_alarms_total", PROM_COUNTER,
	 "How often too many of its new connections saw no answer, since the agent began.",
	 member_alarms},
};

/* Only the state that it is in has a sample: at thousands of backends the others would be most of the text. */
static void write_member_states(struct prom *out, const struct listing *l, struct prom *labels)
{
	prom__family(out, "fairlead_backend_state", PROM_GAUGE,
		     "The state that it is in; always 1.");
	for (size_t i = 0; i < l->n_members; i++) {
		char state[NAMES_LEN];
		int len = snprintf(state, sizeof(state), "state=\"%s\"",
				   health__name(&l->members[i].member->health));

		labels->len = 0;
		if (!prom__join(labels, l->labels->text + l->members[i].labels, state, (size_t)len))
			prom__integer(out, labels->text, 1);
	}
}

/* Which entry it has: counters are the entry's, which services may share. */
static void write_member_info(struct prom *out, const struct listing *l, struct prom *labels)
{
	const struct labelled *s = l->services;

	prom__family(out, "fairlead_backend_info", PROM_GAUGE,
		     "Which entry of the map backends it has in the service; always 1.");
	for (size_t i = 0; i < l->n_members; i++) {
		const char *entry = labels_of(l->members[i].member->target);

		while (s->service != l->members[i].service)
			s++;
		labels->len = 0;
		if (!prom__join(labels, l->labels->text + s->labels, entry, strlen(entry)))
			prom__integer(out, labels->text, 1);
	}
}

/* --- entries of `backends` ---------------------------------------------------------------------------- */

#define ENTRY_VALUE(name, value)                                                          \
	static void name(struct prom *out, const char *labels, const struct labelled *of) \
	{                                                                                 \
		prom__integer(out, labels, value);                                        \
	}

ENTRY_VALUE(entry_packets, of->packets.packets)
ENTRY_VALUE(entry_bytes, of->packets.bytes)
ENTRY_VALUE(entry_sampled, of->syns.sampled)
ENTRY_VALUE(entry_completed, of->syns.completed)
ENTRY_VALUE(entry_incomplete, of->syns.incomplete)
ENTRY_VALUE(entry_reset, of->syns.reset)
ENTRY_VALUE(entry_repeated, of->syns.repeated)

static const struct family entry_families[] = {
	{"fairlead_backend_packets_total", PROM_COUNTER,
	 "Packets sent to a backend by all services that reach it by this entry.", entry_packets},
	{"fairlead_backend_bytes_total", PROM_COUNTER,
	 "Bytes of these packets as they came, before a tunnel's header.", entry_bytes},
};

/* Of backends whose new connections are watched. */
static const struct family watched_families[] = {
	{"fairlead_backend_syns_sampled_total", PROM_COUNTER, "SYNs that were noted, modulo 2^32.",
	 entry_sampled},
	{"fairlead_backend_syns_completed_total", PROM_COUNTER,
	 "Noted SYNs that the client's ACK followed within 400 ms.", entry_completed},
	{"fairlead_backend_syns_incomplete_total", PROM_COUNTER,
	 "Noted SYNs without an answer by then.", entry_incomplete},
	{"fairlead_backend_syns_reset_total", PROM_COUNTER,
	 "Noted SYNs that the client has reset before.", entry_reset},
	{"fairlead_backend_syns_repeated_total", PROM_COUNTER, "SYNs that came again.",
	 entry_repeated},
};

/* --- all of them ------------------------------------------------------------------------------------- */

static bool make_room(struct listing *l)
{
	size_t n_services = 0, n_members = 0, n_entries = 0;
	const struct service *s;

	TAILQ_FOREACH (s, &l->agent->services, entry) {
		n_services += s->config != NULL;
		n_members += s->config ? s->n_members : 0;
	}
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++)
		n_entries += l->agent->by_index[i] != NULL;
	l->services = calloc(n_services + 1, sizeof(*l->services));
	l->members = calloc(n_members + 1, sizeof(*l->members));
	l->entries = calloc(n_entries + 1, sizeof(*l->entries));
	return l->services && l->members && l->entries;
}

/* That of the service that was listed last, and the backend's id. */
static size_t join_labels(const struct listing *l, const struct member *m)
{
	const char *labels = labels_of(m->target);
	char service[FL_NAME_LEN * 2 + 16];

	snprintf(service, sizeof(service), "%s",
		 l->labels->text + l->services[l->n_services - 1].labels);
	return prom__join(l->labels, service, labels, id_len(labels));
}

static void list_services(struct listing *l)
{
	const struct service *s;

	TAILQ_FOREACH (s, &l->agent->services, entry) {
		if (!s->config)
			continue;
		l->services[l->n_services++] = (struct labelled){
			.service = s,
			.labels = prom__labels(l->labels, "service", s->name, (const char *)NULL)};
		for (size_t i = 0; i < s->n_members; i++)
			l->members[l->n_members++] = (struct labelled){
				.service = s,
				.member = s->members[i],
				.labels = join_labels(l, s->members[i]),
			};
	}
}

/* Those of backends that have left, too, until nothing names them. */
static void list_entries(struct listing *l)
{
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		struct target *t = l->agent->by_index[i];
		const char *labels = t ? labels_of(t) : NULL;

		if (!labels)
			continue;
		l->entries[l->n_entries++] = (struct labelled){
			.packets = metrics__count(l->agent, &t->rate, PLANE_BACKEND, i),
			.syns = plane__passive(l->agent->plane, i),
			.labels = prom__join(l->labels, labels, "", 0),
		};
	}
}

static void write_listing(struct prom *out, const struct listing *l, struct prom *labels)
{
	bool watched = uv_is_active((const uv_handle_t *)&l->agent->passive.timer);

	write_service_info(out, l, labels);
	write_states(out, l, labels);
	for (size_t i = 0; i < sizeof(service_families) / sizeof(*service_families); i++)
		write_all(out, l, &service_families[i], l->services, l->n_services);
	write_member_states(out, l, labels);
	write_member_info(out, l, labels);
	for (size_t i = 0; i < sizeof(member_families) / sizeof(*member_families); i++)
		write_all(out, l, &member_families[i], l->members, l->n_members);
	for (size_t i = 0; i < sizeof(entry_families) / sizeof(*entry_families); i++)
		write_all(out, l, &entry_families[i], l->entries, l->n_entries);
	for (size_t i = 0; watched && i < sizeof(watched_families) / sizeof(*watched_families); i++)
		write_all(out, l, &watched_families[i], l->entries, l->n_entries);
}

void metrics__services(struct agent *a, struct prom *out, struct prom *labels)
{
	struct prom all = {.room = 0};
	struct listing l = {.agent = a, .labels = &all};

	if (make_room(&l)) {
		list_services(&l);
		list_entries(&l);
	} else {
		out->failed = true;
	}
	out->failed |= all.failed;
	if (!out->failed)
		write_listing(out, &l, labels);
	free(l.services);
	free(l.members);
	free(l.entries);
	free(all.text);
}
