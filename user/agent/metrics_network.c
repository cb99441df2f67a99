/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is of VRRP, BFD and routes is little: it is told from the same objects that status is made of, so
 * that the two never differ.
 */
#include "agent/metrics.h"

#include <string.h>

#include "agent/peers_state.h"

/* A family whose samples are numbers or booleans of objects in an array. */
struct column {
	const char *name;
	enum prom_type type;
	const char *help, *key;
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static uint64_t value_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? (uint64_t)json_integer_value(v) : json_is_true(v);
}

/* How many for each reason. */
static void write_reasons(struct prom *out, struct prom *labels, json_t *counts)
{
	for (void *at = json_object_iter(counts); at; at = json_object_iter_next(counts, at))
		prom__integer(out, METRICS_LABELS(labels, "reason", json_object_iter_key(at)),
			      (uint64_t)json_integer_value(json_object_iter_value(at)));
}

/* --- VRRP ------------------------------------------------------------------------------------------- */

static const struct column vrrp_columns[] = {
	{"fairlead_vrrp_priority", PROM_GAUGE, "Priority now, tracked things taken off.",
	 "priority"},
	{"fairlead_vrrp_priority_configured", PROM_GAUGE, "Configured priority.",
	 "priority_configured"},
	{"fairlead_vrrp_transitions_total", PROM_COUNTER,
	 "Changes between backup and active, since the agent began.", "transitions"},
	{"fairlead_vrrp_adverts_sent_total", PROM_COUNTER, "Adverts sent.", "adverts_sent"},
	{"fairlead_vrrp_adverts_heard_total", PROM_COUNTER, "Adverts that were heeded.",
	 "adverts_heard"},
	{"fairlead_vrrp_strangers_total", PROM_COUNTER, "Adverts of others than the peers.",
	 "strangers"},
	{"fairlead_vrrp_addresses_differ", PROM_GAUGE,
	 "Whether the last advert listed other addresses.", "addresses_differ"},
	{"fairlead_vrrp_handed_over", PROM_GAUGE,
	 "Whether it was handed over on request, so that it preempts nobody.", "handed_over"},
};

#define VRRP_LABELS(labels, o, ...)                                                               \
	METRICS_LABELS(labels, "group", text_of(o, "name"), "interface", text_of(o, "interface"), \
		       __VA_ARGS__)

static void write_groups(struct prom *out, struct prom *labels, const json_t *groups)
{
	static const char *const errors[] = {"fault", "send_error", "announce_error",
					     "address_error", "device_error"};
	static const enum vrrp_state states[] = {VRRP_INITIALIZE, VRRP_BACKUP, VRRP_ACTIVE};
	const json_t *o;
	size_t i;

	prom__family(out, "fairlead_vrrp_state", PROM_GAUGE,
		     "Whether the VRRP group is in the state.");
	for (i = 0; (o = json_array_get(groups, i)); i++) {
		for (size_t k = 0; k < sizeof(states) / sizeof(*states); k++) {
			const char *name = vrrp_state__name(states[k]);

			prom__integer(out, VRRP_LABELS(labels, o, "state", name),
				      strcmp(text_of(o, "state"), name) == 0);
		}
	}
	prom__family(
		out, "fairlead_vrrp_trouble", PROM_GAUGE,
		"Whether something keeps the group off, or its last try to do that has failed.");
	for (i = 0; (o = json_array_get(groups, i)); i++) {
		for (size_t k = 0; k < sizeof(errors) / sizeof(*errors); k++)
			prom__integer(out, VRRP_LABELS(labels, o, "what", errors[k]),
				      text_of(o, errors[k])[0] != '\0');
	}
}

static void write_vrrp(struct agent *a, struct prom *out, struct prom *labels)
{
	json_t *all = failover__json(a), *groups = json_object_get(all, "groups"), *o;
	size_t i;

	write_groups(out, labels, groups);
	for (size_t c = 0; c < sizeof(vrrp_columns) / sizeof(*vrrp_columns); c++) {
		const struct column *f = &vrrp_columns[c];

		prom__family(out, f->name, f->type, f->help);
		for (i = 0; (o = json_array_get(groups, i)); i++)
			prom__integer(out,
				      METRICS_LABELS(labels, "group", text_of(o, "name"),
						     "interface", text_of(o, "interface")),
				      value_of(o, f->key));
	}
	prom__family(out, "fairlead_vrrp_ignored_total", PROM_COUNTER,
		     "VRRP messages that were not heeded.");
	write_reasons(out, labels, json_object_get(all, "ignored"));
	json_decref(all);
}

/* --- BFD -------------------------------------------------------------------------------------------- */

static const struct column bfd_columns[] = {
	{"fairlead_bfd_ups_total", PROM_COUNTER, "How often the session came up, since it began.",
	 "ups"},
	{"fairlead_bfd_downs_total", PROM_COUNTER, "How often it went down.", "downs"},
	{"fairlead_bfd_packets_received_total", PROM_COUNTER, "Packets that were taken.",
	 "received"},
	{"fairlead_bfd_packets_sent_total", PROM_COUNTER, "Packets sent.", "sent"},
	{"fairlead_bfd_send_errors_total", PROM_COUNTER, "Packets that the kernel refused to send.",
	 "send_errors"},
};

static void write_sessions(struct prom *out, struct prom *labels, const json_t *sessions)
{
	const json_t *o;
	size_t i;

	prom__family(out, "fairlead_bfd_up", PROM_GAUGE, "Whether the BFD session is up.");
	for (i = 0; (o = json_array_get(sessions, i)); i++)
		prom__integer(out,
			      METRICS_LABELS(labels, "peer", text_of(o, "peer"), "interface",
					     text_of(o, "interface")),
			      strcmp(text_of(o, "state"), "up") == 0);
	prom__family(out, "fairlead_bfd_detection_seconds", PROM_GAUGE,
		     "How long the peer may be silent; 0: it has not been heard.");
	for (i = 0; (o = json_array_get(sessions, i)); i++)
		prom__real(out,
			   METRICS_LABELS(labels, "peer", text_of(o, "peer"), "interface",
					  text_of(o, "interface")),
			   json_real_value(json_object_get(o, "detection_ms")) / 1e3);
	for (size_t c = 0; c < sizeof(bfd_columns) / sizeof(*bfd_columns); c++) {
		const struct column *f = &bfd_columns[c];

		prom__family(out, f->name, f->type, f->help);
		for (i = 0; (o = json_array_get(sessions, i)); i++)
			prom__integer(out,
				      METRICS_LABELS(labels, "peer", text_of(o, "peer"),
						     "interface", text_of(o, "interface")),
				      value_of(o, f->key));
	}
}

static void write_bfd(const struct agent *a, struct prom *out, struct prom *labels)
{
	json_t *all = neighbors__json(a);

	write_sessions(out, labels, json_object_get(all, "sessions"));
	prom__family(out, "fairlead_bfd_refused_total", PROM_COUNTER,
		     "BFD packets that were for no session.");
	write_reasons(out, labels, json_object_get(all, "refused"));
	prom__family(out, "fairlead_bfd_dropped_total", PROM_COUNTER,
		     "BFD packets that were not looked at: forwarded ones, or too many at once.");
	prom__integer(out, "", value_of(all, "dropped"));
	json_decref(all);
}

static void write_anycast(const struct agent *a, struct prom *out, struct prom *labels)
{
	json_t *all = anycast__json(a);
	const json_t *vips = json_object_get(all, "vips"), *o;
	size_t i;

	prom__family(out, "fairlead_vip_announced", PROM_GAUGE,
		     "Whether the VIP has its route, of services with announce: route.");
	for (i = 0; (o = json_array_get(vips, i)); i++)
		prom__integer(out, METRICS_LABELS(labels, "vip", text_of(o, "vip")),
			      value_of(o, "announced"));
	json_decref(all);
}

/* --- peers ------------------------------------------------------------------------------------------ */

static uint64_t peer_up(const struct peer *p)
{
	return p->link.up;
}

static uint64_t peer_lag(const struct peer *p)
{
	return peer_link__lag(&p->link);
}

static uint64_t peer_differs(const struct peer *p)
{
	return p->differs;
}

static void count_dispute(void *n, const char *service, const char *id, uint8_t ours,
			  uint8_t theirs)
{
	(void)service;
	(void)id;
	(void)ours;
	(void)theirs;
	++*(uint64_t *)n;
}

static uint64_t peer_disputes(const struct peer *p)
{
	uint64_t n = 0;

	if (peer_view__is_complete(p))
		peer_facts__disputes(p->peers->ours, p->link.copy, count_dispute, &n);
	return n;
}

static const struct {
	const char *name, *help;
	uint64_t (*value)(const struct peer *p);
} peer_columns[] = {
	{"fairlead_peer_up", "Whether the peer is heard.", peer_up},
	{"fairlead_peer_sync_lag", "Changes here that it is not known to have.", peer_lag},
	{"fairlead_peer_config_differs", "Whether its configuration is another one.", peer_differs},
	{"fairlead_peer_disputes", "Backends of which it says another thing.", peer_disputes},
};

static const struct column exchange_columns[] = {
	{"fairlead_peer_records_told_total", PROM_COUNTER,
	 "Records of connections that the peer was told, each time counted.", "told"},
	{"fairlead_peer_records_heard_total", PROM_COUNTER, "Records that it has told.", "heard"},
	{"fairlead_peer_records_taken_total", PROM_COUNTER,
	 "Of these, those that stand here as it told them.", "taken"},
	{"fairlead_peer_records_unknown_total", PROM_COUNTER,
	 "Of these, those of services or backends that are not here, or not the same.", "unknown"},
	{"fairlead_peer_records_clashes_total", PROM_COUNTER,
	 "Flows of NAT that it has told, whose place a flow of this machine has.", "clashes"},
	{"fairlead_peer_records_full_total", PROM_COUNTER,
	 "Flows of NAT that it has told, for which there is no room.", "full"},
	{"fairlead_peer_records_lag", PROM_GAUGE,
	 "Messages with records that it is not known to have.", "lag"},
};

static void write_exchange(const struct peers *p, struct prom *out, struct prom *labels)
{
	static const char *const sides[] = {"ours", "theirs"};
	json_t *all = json_array();
	const json_t *o;
	size_t i;

	for (i = 0; i < p->n; i++)
		json_array_append_new(all, peer_records__json(&p->list[i]));
	for (size_t c = 0; c < sizeof(exchange_columns) / sizeof(*exchange_columns); c++) {
		const struct column *f = &exchange_columns[c];

		prom__family(out, f->name, f->type, f->help);
		for (i = 0; (o = json_array_get(all, i)); i++)
			prom__integer(out, METRICS_LABELS(labels, "peer", p->list[i].name),
				      value_of(o, f->key));
	}
	prom__family(out, "fairlead_peer_records_complete", PROM_GAUGE,
		     "Whether the peer has all our records, or we have all of theirs.");
	for (i = 0; (o = json_array_get(all, i)); i++) {
		for (size_t k = 0; k < sizeof(sides) / sizeof(*sides); k++)
			prom__integer(out,
				      METRICS_LABELS(labels, "peer", p->list[i].name, "records",
						     sides[k]),
				      value_of(json_object_get(o, sides[k]), "complete"));
	}
	json_decref(all);
}

static void write_peers(const struct peers *p, struct prom *out, struct prom *labels)
{
	static const char *const refusals[] = {
		[PEER_NO_KEY] = "no_key",	[PEER_FORGED] = "forged",
		[PEER_REFLECTED] = "reflected", [PEER_REPLAYED] = "replayed",
		[PEER_MALFORMED] = "malformed",
	};

	for (size_t c = 0; c < sizeof(peer_columns) / sizeof(*peer_columns); c++) {
		prom__family(out, peer_columns[c].name, PROM_GAUGE, peer_columns[c].help);
		for (size_t i = 0; i < p->n; i++)
			prom__integer(out, METRICS_LABELS(labels, "peer", p->list[i].name),
				      peer_columns[c].value(&p->list[i]));
	}
	prom__family(out, "fairlead_peer_rtt_seconds", PROM_GAUGE,
		     "Round trip to the peer, smoothed; 0 while it is not up.");
	for (size_t i = 0; i < p->n; i++)
		prom__seconds(out, METRICS_LABELS(labels, "peer", p->list[i].name),
			      p->list[i].link.up ? p->list[i].link.rtt_us * UINT64_C(1000) : 0);
	prom__family(out, "fairlead_peer_clock_skew_seconds", PROM_GAUGE,
		     "How far the peer's clock is ahead of this machine's; missing: not known.");
	for (size_t i = 0; i < p->n; i++) {
		int64_t ms;

		if (peer_view__clock_skew_ms(&p->list[i], &ms))
			prom__real(out, METRICS_LABELS(labels, "peer", p->list[i].name),
				   (double)ms / 1e3);
	}
	prom__family(out, "fairlead_peer_refused_total", PROM_COUNTER,
		     "Datagrams of the peer's that did not count.");
	for (size_t i = 0; i < p->n; i++) {
		const struct peer_link *l = &p->list[i].link;

		for (size_t r = 0; r < sizeof(refusals) / sizeof(*refusals); r++) {
			if (!refusals[r])
				continue;
			prom__integer(out,
				      METRICS_LABELS(labels, "peer", p->list[i].name, "reason",
						     refusals[r]),
				      l->channel.counts[r] +
					      (r == PEER_MALFORMED ? l->n_malformed : 0));
		}
	}
	write_exchange(p, out, labels);
	prom__family(out, "fairlead_peer_strangers_total", PROM_COUNTER,
		     "Datagrams from elsewhere than a peer.");
	prom__integer(out, "", p->n_strangers);
}

void metrics__network(struct agent *a, struct prom *out, struct prom *labels)
{
	if (a->config->n_vrrp)
		write_vrrp(a, out, labels);
	if (a->config->n_bfd)
		write_bfd(a, out, labels);
	if (a->anycast.n)
		write_anycast(a, out, labels);
	if (a->peers)
		write_peers(a->peers, out, labels);
}
