/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query_capture.c - the parameters of captures. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/query_read.h"

static int read_net(const char *name, const char *value, struct addr_prefix *out, struct err *err)
{
	if (!addr__parse_net(value, out))
		return 0;
	return err__set(err, -EINVAL,
			"%s is not an address or a prefix without host bits, as in 192.0.2.0/24",
			name);
}

int query_capture__source(const char *value, struct route *r, struct err *err)
{
	return read_net("source", value, &r->capture.source, err);
}

int query_capture__destination(const char *value, struct route *r, struct err *err)
{
	return read_net("destination", value, &r->capture.destination, err);
}

uint8_t query_read__protocol(const char *value)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = {{"tcp", IPPROTO_TCP},
		     {"udp", IPPROTO_UDP},
		     {"sctp", IPPROTO_SCTP},
		     {"icmp", IPPROTO_ICMP},
		     {"icmpv6", IPPROTO_ICMPV6}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(value, known[i].name))
			return known[i].proto;
	}
	return 0;
}

int query_capture__protocol(const char *value, struct route *r, struct err *err)
{
	r->capture.proto = query_read__protocol(value);
	return r->capture.proto ? 0
				: err__set(err, -EINVAL,
					   "protocol is 'tcp', 'udp', 'sctp', 'icmp' or 'icmpv6'");
}

int query_capture__port(const char *value, struct route *r, struct err *err)
{
	uint32_t n = 0;
	int rc = query_read__u32("port", value, 1, 65535, &n, err);

	r->capture.port = (uint16_t)n;
	return rc;
}

int query_capture__verdicts(const char *value, struct route *r, struct err *err)
{
	return query_read__text("list of verdicts", value, r->verdicts, sizeof(r->verdicts), err);
}

int query_capture__snap(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("snap", value, 14, ROUTE_CAPTURE_SNAP, &r->capture.snap, err);
}

int query_capture__rate(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("rate", value, 1, ROUTE_CAPTURE_RATE, &r->capture.rate, err);
}

int query_capture__packets(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("packets", value, 1, ROUTE_CAPTURE_PACKETS, &r->capture.packets,
			       err);
}

int query_capture__size(const char *value, struct route *r, struct err *err)
{
	return query_read__number("size", value, ROUTE_CAPTURE_LEAST_SIZE, ROUTE_CAPTURE_SIZE,
				  &r->capture.size, err);
}

int query_capture__time(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("time", value, 100, ROUTE_CAPTURE_TIME_MS, &r->capture.time_ms, err);
}

int query_capture__id(const char *value, struct route *r, struct err *err)
{
	r->has_id = true;
	return query_read__u32("id", value, 0, UINT32_MAX, &r->id, err);
}
