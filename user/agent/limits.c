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

json_t *limits__json(const struct config_limits *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "packets", (json_int_t)c->packets,
			 "connections", (json_int_t)c->connections, "source_packets",
			 (json_int_t)c->source_packets, "source_connections",
			 (json_int_t)c->source_connections, "burst_ms", (json_int_t)c->burst_ms,
			 "monitor", c->monitor);
}
