/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query_check.c - what the parameters of a request need of each other. */
#include <errno.h>
#include <netinet/in.h>

#include "api/query.h"

/* The packet of a request without a body. */
static int check_packet(const struct api_explain *e, const struct route *r, struct err *err)
{
	bool icmp = e->proto == IPPROTO_ICMP;

	if (!r->has_source || !r->has_destination)
		return err__set(
			err, -EINVAL,
			"the parameters 'source' and 'destination' are needed, or a frame as the "
			"body");
	if (addr__is4(&e->source) != addr__is4(&e->destination))
		return err__set(err, -EINVAL, "source and destination are not of one family");
	if (icmp && (e->sport || e->dport))
		return err__set(err, -EINVAL, "ICMP has no ports");
	if (!icmp && (!e->sport || !e->dport))
		return err__set(
			err, -EINVAL,
			"%s needs a port, as in 192.0.2.1:40000 or [2001:db8::1]:40000: where "
			"a connection goes depends on both of its ports",
			e->sport ? "destination" : "source");
	if (r->has_tcp_flags && e->proto && e->proto != IPPROTO_TCP)
		return err__set(err, -EINVAL, "only TCP has flags");
	return 0;
}

static int check_explain(const struct route *r, struct err *err)
{
	bool packet = r->has_source || r->has_destination || r->has_protocol || r->has_tcp_flags;

	if (r->explain.len && packet)
		return err__set(err, -EINVAL, "'length' is for a frame as the body");
	return packet ? check_packet(&r->explain, r, err) : 0;
}

int query__check(const struct route *r, struct err *err)
{
	if (r->kind == ROUTE_EXPLAIN)
		return check_explain(r, err);
	if ((r->kind == ROUTE_SOURCES_ALLOW || r->kind == ROUTE_SOURCES_DENY ||
	     r->kind == ROUTE_SOURCES_REMOVE) &&
	    !r->n_prefixes)
		return err__set(err, -EINVAL, "the parameter 'prefix' is missing");
	if ((r->kind == ROUTE_CAPTURE_NEXT || r->kind == ROUTE_CAPTURE_STOP) && !r->has_id)
		return err__set(err, -EINVAL, "the parameter 'id' is missing");
	if (r->kind == ROUTE_TEXT && !r->version)
		return err__set(err, -EINVAL, "the parameter 'version' is missing");
	if (r->kind == ROUTE_WEIGHT && !r->has_percent)
		return err__set(err, -EINVAL, "the parameter 'percent' is missing");
	if (r->kind == ROUTE_SAMPLING && !r->has_flows && !r->has_drops)
		return err__set(err, -EINVAL,
				"one of the parameters 'flows' and 'drops' is needed");
	return 0;
}
