/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_service.c - the keys of a service and of its backends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

static const struct choice protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"sctp", IPPROTO_SCTP},
	{NULL, 0},
};

static const struct choice slot_classes[] = {
	{"4096", FL_SLOTS_4K},
	{"65536", FL_SLOTS_64K},
	{"1048576", FL_SLOTS_1M},
	{NULL, 0},
};

static const struct choice announcements[] = {
	{"none", false},
	{"route", true},
	{NULL, 0},
};

#define LIMITS(member) AT(struct config_limits, member)
#define PER_SECOND RANGE(1, 1000000000)

static const struct option limits_options[] = {
	{"packets", value__number, LIMITS(packets), PER_SECOND},
	{"connections", value__number, LIMITS(connections), PER_SECOND},
	{"source_packets", value__number, LIMITS(source_packets), PER_SECOND},
	{"source_connections", value__number, LIMITS(source_connections), PER_SECOND},
	{"burst", value__duration, LIMITS(burst_ms), RANGE(10, 10 * SECOND), .fallback = "100ms"},
	{"monitor", value__choice, LIMITS(monitor), .choices = schema_booleans,
	 .fallback = "false"},
};
static const struct section limits_section = {limits_options, COUNT(limits_options)};

#define HEALTH(member) AT(struct config_health, member)

static const struct choice start_states[] = {
	{"unknown", FL_HEALTH_UNKNOWN},
	{"up", FL_HEALTH_UP},
	{"down", FL_HEALTH_DOWN},
	{NULL, 0},
};

static const struct option health_options[] = {
	{"start", value__choice, HEALTH(start), .choices = start_states, .fallback = "unknown"},
	{"slow_start", value__duration, HEALTH(slow_start_ms), RANGE(0, HOUR), .fallback = "0s"},
	{"flap_hold", value__duration, HEALTH(flap_hold_ms), RANGE(0, HOUR), .fallback = "0s"},
	{"flap_hold_max", value__duration, HEALTH(flap_hold_max_ms), RANGE(SECOND, 24 * HOUR),
	 .fallback = "5m"},
	{"flap_forget", value__duration, HEALTH(flap_forget_ms), RANGE(SECOND, 24 * HOUR),
	 .fallback = "10m"},
	{"max_new", value__number, HEALTH(max_new), PER_SECOND},
	{"max_flows", value__number, HEALTH(max_flows), RANGE(1, 1000000000)},
	{"panic", value__percent, HEALTH(panic_pct), RANGE(0, 100), .fallback = "0%"},
	{"quorum", value__choice, HEALTH(quorum), .choices = choice_quorums, .fallback = "local"},
};
static const struct section health_section = {health_options, COUNT(health_options)};

#define BACKEND(member) AT(struct config_backend, member)

static const struct option backend_options[] = {
	{"id", value__name, BACKEND(id), .rule = rule__id},
	{"address", value__host, BACKEND(address), .missing = "where its packets are sent"},
	{"port", value__number, BACKEND(port), RANGE(1, 65535)},
	{"weight", value__number, BACKEND(weight), RANGE(0, CONFIG_MAX_WEIGHT), .fallback = "100"},
	{"backup", value__choice, BACKEND(backup), .choices = schema_booleans, .fallback = "false"},
};
static const struct section backend_section = {backend_options, COUNT(backend_options)};

static void read_backends(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_service *s = base;
	char text[ADDR_STRLEN];

	(void)o;
	s->backends = schema__array(r, list, sizeof(*s->backends), 1, "a list of backends");
	if (!s->backends)
		return;
	s->n_backends = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);
		struct config_backend *b = &s->backends[i];

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &backend_section, list->kids[i], b);
		if (!b->id[0])
			snprintf(b->id, sizeof(b->id), "%s", addr__format(&b->address, text));
		reader__leave(r, was);
	}
}

#define SERVICE(member) AT(struct config_service, member)

static const struct option service_options[] = {
	{"name", value__name, SERVICE(name), .rule = rule__instance,
	 .missing = "what commands and metrics call it"},
	{"vip", value__vip, SERVICE(vip), .missing = "the address that clients connect to"},
	{"port", value__port, SERVICE(port), RANGE(1, 65535),
	 .missing = "the port that clients connect to"},
	{"protocol", value__choice, SERVICE(proto), .choices = protocols, .fallback = "tcp"},
	{"affinity", value__choice, SERVICE(affinity), .choices = choice_affinities,
	 .fallback = "flow"},
	{"forward", value__choice, SERVICE(forward), .choices = choice_forwards, .fallback = "l2"},
	{"gue_port", value__number, SERVICE(gue_port), RANGE(1, 65535), .fallback = "6080"},
	{"echo", value__choice, SERVICE(echo), .choices = schema_booleans, .fallback = "true"},
	{"idle", value__duration, SERVICE(idle_ms), RANGE(10 * SECOND, 24 * HOUR),
	 .fallback = "15m"},
	{"hold", value__duration, SERVICE(hold_ms), RANGE(SECOND, 4 * HOUR), .fallback = "15m"},
	{"down_hold", value__duration, SERVICE(down_hold_ms), RANGE(10 * SECOND, 4 * HOUR),
	 .fallback = "10s"},
	{"udp_grace", value__duration, SERVICE(udp_grace_ms), RANGE(SECOND, HOUR),
	 .fallback = "30s"},
	{"quic", value__choice, SERVICE(quic), .choices = schema_booleans, .fallback = "false"},
	{"announce", value__choice, SERVICE(announce), .choices = announcements,
	 .fallback = "none"},
	{"min_up", value__number, SERVICE(min_up), RANGE(1, FL_MAX_BACKENDS - 1), .fallback = "1"},
	{"min_up_again", value__number, SERVICE(min_up_again), RANGE(1, FL_MAX_BACKENDS - 1)},
	{"min_up_hold", value__duration, SERVICE(min_up_hold_ms), RANGE(0, HOUR), .fallback = "0s"},
	{"passive", value__choice, SERVICE(passive), .choices = schema_booleans,
	 .fallback = "false"},
	{"slots", value__choice, SERVICE(slot_class), .choices = slot_classes, .fallback = "65536"},
	{"sources", option__section, SERVICE(sources), .section = &schema_sources},
	{"limits", option__section, SERVICE(limits), .section = &limits_section},
	{"health", option__section, SERVICE(health), .section = &health_section},
	{"probe", option__section, SERVICE(probe), .section = &schema_probe},
	{"backends", read_backends, SERVICE(backends),
	 LIST_OF(struct config_backend, struct config_service, n_backends,
		 .section = &backend_section, .kind = LIST_BACKENDS),
	 .missing = "where its flows go"},
};
const struct section schema_service = {service_options, COUNT(service_options)};

/* value__port stores to two members. */
_Static_assert(offsetof(struct config_service, port_last) ==
		       offsetof(struct config_service, port) + sizeof(uint16_t),
	       "port and port_last");
_Static_assert(COUNT(service_options) <= SECTION_MAX_OPTIONS, "the longest table");

void schema__services(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	/* Id 0 is never used (abi.h). */
	if (list->kind == NODE_LIST && list->n_kids > FL_MAX_SERVICES - 1) {
		reader__problem(r, list, "holds %zu services, at most %d fit", list->n_kids,
				FL_MAX_SERVICES - 1);
		return;
	}
	c->services = schema__array(r, list, sizeof(*c->services), 0, "a list of services");
	if (!c->services)
		return;
	c->n_services = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &schema_service, list->kids[i], &c->services[i]);
		if (!c->services[i].min_up_again)
			c->services[i].min_up_again = c->services[i].min_up;
		if (schema_probe__complete(&c->services[i].probe))
			r->err = -ENOMEM;
		reader__leave(r, was);
	}
}
