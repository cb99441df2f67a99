/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/nat_fate.h"

#include <netinet/in.h>
#include <string.h>

/* How long a record in that state lives without a packet. */
static uint32_t life(bool rst, bool finished, bool answered, uint8_t proto, uint32_t idle_s)
{
	if (rst)
		return NAT_RST_S;
	if (finished)
		return NAT_FIN_S;
	if (!answered)
		return NAT_UNANSWERED_S;
	return proto == IPPROTO_UDP ? NAT_UDP_S : idle_s;
}

static uint32_t life_of_pair(const struct fl_nat_flow *f, const struct fl_nat_flow *back,
			     uint8_t proto, uint32_t idle_s)
{
	uint16_t theirs = back ? back->flags : 0;

	return life((f->flags | theirs) & FL_NAT_RST, f->flags & theirs & FL_NAT_FIN,
		    theirs & FL_NAT_SEEN, proto, idle_s);
}

/* One entry sees both directions: FIN_OTHER is the client's. SEEN: any packet after the first. */
static uint32_t life_alone(const struct fl_nat_flow *f, uint8_t proto, uint32_t idle_s)
{
	const uint16_t fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;

	return life(f->flags & FL_NAT_RST, (f->flags & fins) == fins, f->flags & FL_NAT_SEEN, proto,
		    idle_s);
}

bool nat_fate__over(enum nat_kind kind, const struct fl_nat_flow *f, const struct fl_nat_flow *back,
		    uint8_t proto, uint32_t now_s, uint32_t idle_s, const struct fate_loss *loss)
{
	uint32_t age = fate__passed(now_s, f->seen_s);

	if (f->flags & FL_NAT_DEAD)
		return age > NAT_DEAD_S;
	if (kind == NAT_ORPHAN)
		return age > NAT_ORPHAN_S;
	if (kind == NAT_PAIR && back && fate__passed(now_s, back->seen_s) < age)
		age = fate__passed(now_s, back->seen_s);
	if (fate__is_lost(loss, now_s, age, proto == IPPROTO_UDP))
		return true;
	return age > (kind == NAT_LONE ? life_alone(f, proto, idle_s)
				       : life_of_pair(f, back, proto, idle_s));
}

struct fl_nat_key nat_fate__other(const struct fl_nat_flow *f, uint8_t proto)
{
	struct fl_nat_key k = {.sport = f->dport, .dport = f->sport, .proto = proto};

	memcpy(k.saddr, f->daddr, sizeof(k.saddr));
	memcpy(k.daddr, f->saddr, sizeof(k.daddr));
	return k;
}

struct fl_nat_flow nat_fate__both(const struct fl_nat_flow *client, const struct fl_nat_flow *back)
{
	struct fl_nat_flow f = *client;

	f.flags = (uint16_t)((client->flags & FL_NAT_FIN) | (back->flags & FL_NAT_SEEN) |
			     ((client->flags | back->flags) & (FL_NAT_RST | FL_NAT_HERE)) |
			     (client->flags & FL_NAT_SEEN ? FL_NAT_SEEN_OTHER : 0) |
			     (back->flags & FL_NAT_FIN ? FL_NAT_FIN_OTHER : 0));
	if ((int32_t)(back->seen_s - f.seen_s) > 0)
		f.seen_s = back->seen_s;
	return f;
}
