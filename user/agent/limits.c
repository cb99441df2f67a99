/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/limits.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define LEAST_BURST_NS (10 * NS_PER_MS) /* the clock of the meters moves in steps of up to 10 ms */

static struct fl_limit limit_of(uint32_t rate, uint32_t burst_ms)
{
	struct fl_limit l = {0};

	if (!rate)
		return l;
	l.gap_ns = NS_PER_S / rate;
	l.burst_ns = burst_ms * NS_PER_MS;
	if (l.burst_ns < LEAST_BURST_NS)
		l.burst_ns = LEAST_BURST_NS;
	/* A rate of less than one a burst still lets two through that come close together. */
	if (l.burst_ns < l.gap_ns)
		l.burst_ns = l.gap_ns;
	return l;
}

struct fl_limits limits__of(const struct config_limits *c)
{
	return (struct fl_limits){
		.limit[FL_METER_SVC_PACKETS] = limit_of(c->packets, c->burst_ms),
		.limit[FL_METER_SVC_NEW] = limit_of(c->connections, c->burst_ms),
		.limit[FL_METER_SRC_PACKETS] = limit_of(c->source_packets, c->burst_ms),
		.limit[FL_METER_SRC_NEW] = limit_of(c->source_connections, c->burst_ms),
		.flags = c->monitor ? FL_LIMIT_MONITOR : 0,
	};
}

static void add_rate(json_t *o, const char *name, uint32_t rate)
{
	json_object_set_new(o, name, rate ? json_integer(rate) : json_null());
}

json_t *limits__json(const struct config_limits *c)
{
	json_t *o;

	if (!config_limits__any(c))
		return json_null();
	o = json_object();
	add_rate(o, "packets", c->packets);
	add_rate(o, "connections", c->connections);
	add_rate(o, "source_packets", c->source_packets);
	add_rate(o, "source_connections", c->source_connections);
	json_object_set_new(o, "burst_ms", json_integer(c->burst_ms));
	json_object_set_new(o, "monitor", json_boolean(c->monitor));
	return o;
}
