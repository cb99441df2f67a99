/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status_backend.c - a backend of a service as the status document has it. There are thousands, with dozens of
 * values each, so their text is written at once: objects made of it first would take twenty times as long.
 */
#include "agent/agent.h"
#include "agent/names.h"
#include "agent/peer_quorum.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

uint16_t status__port(const struct member *m)
{
	const struct fl_backend *b = &m->target->entry;
	bool nat = b->mode == FL_FWD_NAT || b->mode == FL_FWD_FULLNAT;

	return nat ? ntohs(b->port) : 0;
}

/* The interface's name, which is asked for only once for backends in a row that have the same. */
static const char *interface(struct status_pen *pen, uint32_t ifindex)
{
	if (ifindex == pen->ifindex)
		return pen->ifname;
	pen->ifindex = ifindex;
	if (!if_indextoname(ifindex, pen->ifname))
		pen->ifname[0] = '\0';
	return pen->ifname;
}

static void format_mac(const uint8_t mac[6], char text[18])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 6; i++) {
		text[i * 3] = digits[mac[i] >> 4];
		text[i * 3 + 1] = digits[mac[i] & 15];
		text[i * 3 + 2] = i < 5 ? ':' : '\0';
	}
}

static void write_hop(struct status_pen *pen, const struct hop *h)
{
	char mac[18] = "", via[ADDR_STRLEN] = "";
	struct jtext *out = &pen->out;

	if (!h) {
		jtext__null(out, "nexthop");
		return;
	}
	if (h->net.ifindex)
		addr__format(&h->net.via, via);
	if (h->net.resolved)
		format_mac(h->net.dmac, mac);
	jtext__open(out, "nexthop", '{');
	jtext__boolean(out, "resolved", h->net.resolved);
	jtext__string(out, "interface", interface(pen, h->net.ifindex));
	jtext__string(out, "mac", mac);
	jtext__string(out, "via", via);
	jtext__integer(out, "vlan", h->net.vlan & ~NET_TAG);
	jtext__mark(out, '}');
}

static void write_probe(struct jtext *out, const struct member *m)
{
	char at[NAMES_LEN];

	if (!m->probe_at_ns) {
		jtext__null(out, "probe");
		return;
	}
	jtext__open(out, "probe", '{');
	jtext__boolean(out, "ok", m->probe_ok);
	jtext__integer(out, "latency_us", m->probe_latency_ns / 1000);
	jtext__string(out, "detail", m->probe_detail ? m->probe_detail : "");
	jtext__string(out, "at", names__time_text(m->probe_at_ns, at));
	if (m->probe_warning)
		jtext__string(out, "warning", m->probe_warning);
	path__write(out, "diagnosis", m);
	jtext__mark(out, '}');
}

/* What it has of the table, and may have. */
static void write_place(struct jtext *out, const struct agent *a, const struct member *m)
{
	jtext__integer(out, "weight", m->weight);
	jtext__integer(out, "slots", m->slots);
	jtext__real(out, "share", (double)m->slots / (double)plane__slots(m->service->slot_class));
	jtext__integer(out, "slots_leaving", m->leaving);
	jtext__integer(out, "records", flow_sweep__records(a, m));
	jtext__integer(out, "port", status__port(m));
	jtext__real(out, "parts", (double)m->parts / TABLE_PARTS);
	jtext__integer(out, "weight_percent", m->percent);
	jtext__integer(out, "weight_asked", m->asked);
	jtext__real(out, "limit_new", (double)m->cap / TABLE_PARTS);
	jtext__boolean(out, "limit_full", m->full);
	jtext__boolean(out, "backup", m->backup);
}

/* Counters are those of the entry, which other services may share; rates are the last tick's. */
static void write_counts(struct jtext *out, const struct agent *a, const struct target *t)
{
	struct fl_count c = {0};

	plane__count(a->plane, PLANE_BACKEND, t->index, &c);
	jtext__integer(out, "packets", c.packets);
	jtext__integer(out, "bytes", c.bytes);
	jtext__real(out, "packets_per_s", t->rate.packets_per_s);
	jtext__real(out, "bytes_per_s", t->rate.bytes_per_s);
}

void status__write_member(struct status_pen *pen, const struct agent *a, const struct member *m)
{
	struct addr address = member__address(m);
	struct jtext *out = &pen->out;
	char text[ADDR_STRLEN], at[NAMES_LEN];

	jtext__open(out, NULL, '{');
	jtext__string(out, "id", member__id(m));
	jtext__string(out, "address", addr__format(&address, text));
	jtext__string(out, "state", m->retired ? "leaving" : health__name(&m->health));
	write_place(out, a, m);
	jtext__integer(out, "flaps", m->health.flaps);
	jtext__real(out, "flap_hold_s", health__hold_ms(&m->health, &m->service->rules) / 1e3);
	jtext__string(out, "since", names__time_text(m->health.since_ns, at));
	peer_quorum__write(out, "quorum", m);
	write_counts(out, a, m->target);
	write_hop(pen, m->target->hop);
	write_probe(out, m);
	jtext__integer(out, "probes_ok", m->probes_ok);
	jtext__integer(out, "probes_failed", m->probes_failed);
	passive__write(out, "passive", a, m);
	jtext__mark(out, '}');
}

json_t *status__member(const struct agent *a, const struct member *m)
{
	struct status_pen pen = {.ifindex = 0};
	json_t *o;

	status__write_member(&pen, a, m);
	o = pen.out.failed ? NULL : json_loadb(pen.out.text, pen.out.len, 0, NULL);
	free(pen.out.text);
	return o;
}
