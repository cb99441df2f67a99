/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query_explain.c - the packet that is to be explained, by its parameters. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "api/query_read.h"

#define TCP_FLAGS 0x1f /* fin, syn, rst, psh, ack: their bits in the header */
#define TCP_SYN 0x02
#define INITIAL 0x20
#define INIT 0x40
#define DATA 0x80

int query_explain__interface(const char *value, struct route *r, struct err *err)
{
	if (strlen(value) >= sizeof(r->interface))
		return err__set(err, -EINVAL, "no interface has a name of more than %zu bytes",
				sizeof(r->interface) - 1);
	snprintf(r->interface, sizeof(r->interface), "%s", value);
	return 0;
}

int query_explain__length(const char *value, struct route *r, struct err *err)
{
	uint32_t n = 0;
	int rc = query_read__u32("length", value, 14, API_MAX_FRAME, &n, err);

	r->explain.len = n;
	return rc;
}

/* An address, with or without a port. */
static int read_end(const char *name, const char *value, struct addr *address, uint16_t *port,
		    struct err *err)
{
	if (!addr__parse_endpoint(value, address, port))
		return 0;
	*port = 0;
	return addr__parse(value, address)
		       ? err__set(err, -EINVAL,
				  "%s is not an address and port, as in 192.0.2.1:80 or "
				  "[2001:db8::1]:80",
				  name)
		       : 0;
}

int query_explain__source(const char *value, struct route *r, struct err *err)
{
	r->has_source = true;
	return read_end("source", value, &r->explain.source, &r->explain.sport, err);
}

int query_explain__destination(const char *value, struct route *r, struct err *err)
{
	r->has_destination = true;
	return read_end("destination", value, &r->explain.destination, &r->explain.dport, err);
}

int query_explain__protocol(const char *value, struct route *r, struct err *err)
{
	uint8_t proto = query_read__protocol(value);

	r->has_protocol = true;
	/* The addresses say which of the two ICMPs it is. */
	r->explain.proto = proto == IPPROTO_ICMPV6 ? 0 : proto;
	return r->explain.proto
		       ? 0
		       : err__set(err, -EINVAL, "protocol is 'tcp', 'udp', 'sctp' or 'icmp'");
}

int query_explain__flags(const char *value, struct route *r, struct err *err)
{
	static const char *const names[] = {"fin", "syn",     "rst",  "psh",
					    "ack", "initial", "init", "data"};
	size_t len, i;

	for (;; value += len + 1) {
		len = strcspn(value, ",");
		for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
			if (len == strlen(names[i]) && !memcmp(value, names[i], len))
				break;
		}
		if (i == sizeof(names) / sizeof(*names))
			return err__set(
				err, -EINVAL,
				"flags are of 'syn', 'ack', 'fin', 'rst' and 'psh' (tcp), with "
				"commas between, or 'initial' (udp: of QUIC), or 'init' or "
				"'data' (sctp)");
		r->explain_flags |= (uint8_t)(1u << i);
		if (!value[len])
			return 0;
	}
}

/* Whether a packet of that protocol can have them. */
static int check_flags(uint8_t proto, uint8_t flags, struct err *err)
{
	switch (proto) {
	case IPPROTO_TCP:
		return flags & ~TCP_FLAGS ? err__set(err, -EINVAL,
						     "flags of tcp are 'syn', 'ack', 'fin', 'rst' "
						     "and 'psh'")
					  : 0;
	case IPPROTO_UDP:
		return flags != INITIAL ? err__set(err, -EINVAL,
						   "the one flag of udp is 'initial': a new "
						   "connection of QUIC")
					: 0;
	case IPPROTO_SCTP:
		return flags != INIT && flags != DATA
			       ? err__set(err, -EINVAL,
					  "the flag of sctp is 'init' (the default) or 'data'")
			       : 0;
	default:
		return err__set(err, -EINVAL, "ICMP has no flags");
	}
}

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
	return r->explain_flags
		       ? check_flags(e->proto ? e->proto : IPPROTO_TCP, r->explain_flags, err)
		       : 0;
}

int query_explain__check(const struct route *r, struct err *err)
{
	bool packet = r->has_source || r->has_destination || r->has_protocol || r->explain_flags;

	if (r->explain.len && packet)
		return err__set(err, -EINVAL, "'length' is for a frame as the body");
	return packet ? check_packet(&r->explain, r, err) : 0;
}

void query_explain__complete(struct route *r)
{
	struct api_explain *e = &r->explain;

	e->proto = e->proto ? e->proto : IPPROTO_TCP;
	if (e->proto == IPPROTO_TCP)
		e->tcp_flags = r->explain_flags ? r->explain_flags : TCP_SYN;
	e->opens = r->explain_flags == INITIAL ||
		   (e->proto == IPPROTO_SCTP && r->explain_flags != DATA);
}
