/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/record.h"

#include <endian.h>
#include <string.h>

#define FIXED 21

/*
 * A copy does not learn of each number that its connection reaches: in the second until it is YOUNG no
 * more, 16 MiB may have been sent (128 Mbit/s). A number that somebody else's connection has there by
 * chance is one of 256.
 */
#define COPY_FIT_BYTES (16u << 20)

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const uint8_t a[16], const uint8_t b[16])
{
	return !memcmp(a, mapped, sizeof(mapped)) && !memcmp(b, mapped, sizeof(mapped));
}

static uint16_t ago(uint32_t then_s, uint32_t now_s)
{
	int32_t s = (int32_t)(now_s - then_s);

	return s < 0 ? 0 : s > UINT16_MAX ? UINT16_MAX : (uint16_t)s;
}

static uint8_t *put16(uint8_t *to, uint16_t value)
{
	value = htobe16(value);
	memcpy(to, &value, sizeof(value));
	return to + sizeof(value);
}

static uint8_t *put32(uint8_t *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
	return to + sizeof(value);
}

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

static uint32_t flags_of(const struct fl_told *t)
{
	return (is_ipv4(t->key.saddr, t->key.daddr) ? PEER_RECORD_IPV4 : 0) |
	       (t->flow.state & FL_FLOW_YOUNG ? PEER_RECORD_YOUNG : 0) |
	       (t->flow.state & FL_FLOW_FIN ? PEER_RECORD_FIN : 0) |
	       (t->flow.state & FL_FLOW_RST ? PEER_RECORD_RST : 0);
}

size_t peer_record__write(const struct fl_told *t, uint64_t name, uint32_t now_s, uint8_t *out)
{
	uint32_t flags = flags_of(t);
	/* Of IPv4, mapped addresses (RFC 4291 2.5.5.2), what follows the prefix. */
	size_t skip = flags & PEER_RECORD_IPV4 ? sizeof(mapped) : 0;
	/* A copy is told on with its age rounded up, or it would grow younger on its way round. */
	uint16_t late = t->flow.state & FL_FLOW_COPY ? 1 : 0;
	uint16_t seen = ago(t->flow.seen_s, now_s);
	uint8_t *to = out;

	name = htobe64(name);
	to = put32(to, (t->flow.slot & (PEER_RECORD_SLOTS - 1)) | flags);
	to = put_bytes(to, &name, sizeof(name));
	to = put_bytes(to, &t->key.sport, sizeof(t->key.sport));
	to = put_bytes(to, &t->key.dport, sizeof(t->key.dport));
	to = put16(to, seen < UINT16_MAX ? (uint16_t)(seen + late) : seen);
	to = put16(to, ago(t->flow.born_s, now_s));
	*to++ = t->key.proto;
	to = put_bytes(to, t->key.saddr + skip, 16 - skip);
	to = put_bytes(to, t->key.daddr + skip, 16 - skip);
	if (flags & PEER_RECORD_YOUNG) {
		to = put32(to, t->flow.fit.isn);
		to = put32(to, t->flow.fit.seq);
	}
	return (size_t)(to - out);
}

/* Which flags of a flow of NAT are which of its record. */
static const struct {
	uint16_t flow;
	uint32_t record;
} nat_flags[] = {
	{FL_NAT_SEEN, PEER_RECORD_SEEN}, {FL_NAT_SEEN_OTHER, PEER_RECORD_SEEN_OTHER},
	{FL_NAT_FIN, PEER_RECORD_FIN},	 {FL_NAT_FIN_OTHER, PEER_RECORD_FIN_OTHER},
	{FL_NAT_RST, PEER_RECORD_RST},
};
#define NAT_FLAGS (sizeof(nat_flags) / sizeof(*nat_flags))

size_t peer_record__write_nat(const struct fl_told_nat *t, uint64_t name, uint32_t now_s,
			      uint8_t *out)
{
	bool pair = !(t->flow.flags & FL_NAT_BACK);
	const uint8_t *client = pair ? t->key.saddr : t->key.daddr,
		      *vip = pair ? t->key.daddr : t->flow.saddr, *pool = t->flow.saddr;
	bool ipv4 = is_ipv4(client, vip) && (!pair || is_ipv4(pool, pool));
	uint32_t flags =
		PEER_RECORD_NAT | (pair ? PEER_RECORD_PAIR : 0) | (ipv4 ? PEER_RECORD_IPV4 : 0);
	size_t skip = ipv4 ? sizeof(mapped) : 0;
	uint16_t late = t->flow.flags & FL_NAT_HERE ? 0 : 1, seen = ago(t->flow.seen_s, now_s);
	__be16 ports[3] = {pair ? t->key.sport : t->key.dport, pair ? t->key.dport : t->flow.sport,
			   pair ? t->flow.sport : 0};
	uint8_t *to = out;

	for (size_t i = 0; i < NAT_FLAGS; i++)
		flags |= t->flow.flags & nat_flags[i].flow ? nat_flags[i].record : 0;
	name = htobe64(name);
	to = put32(to, flags);
	to = put_bytes(to, &name, sizeof(name));
	to = put_bytes(to, ports, 2 * sizeof(*ports));
	to = put16(to, seen < UINT16_MAX ? (uint16_t)(seen + late) : seen);
	to = put_bytes(to, &ports[2], sizeof(*ports));
	*to++ = t->key.proto;
	to = put_bytes(to, client + skip, 16 - skip);
	to = put_bytes(to, vip + skip, 16 - skip);
	if (pair)
		to = put_bytes(to, pool + skip, 16 - skip);
	return (size_t)(to - out);
}

static uint16_t get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return be32toh(value);
}

/* The address at `from`, of 4 or 16 bytes; returns what is behind it. */
static const uint8_t *read_address(const uint8_t *from, bool ipv4, uint8_t out[16])
{
	size_t skip = ipv4 ? sizeof(mapped) : 0;

	memcpy(out, mapped, skip);
	memcpy(out + skip, from, 16 - skip);
	return from + 16 - skip;
}

static uint32_t state_of(uint32_t flags)
{
	return FL_FLOW_ACTIVE | FL_FLOW_COPY | (flags & PEER_RECORD_YOUNG ? FL_FLOW_YOUNG : 0) |
	       (flags & PEER_RECORD_FIN ? FL_FLOW_FIN : 0) |
	       (flags & PEER_RECORD_RST ? FL_FLOW_RST : 0);
}

/* Numbers that fit are told as far as they were known; FL_FIT_BYTES come on top. */
static struct fl_fit read_fit(const uint8_t *from)
{
	uint32_t isn = get32(from), reach = get32(from + 4) - isn;

	return (struct fl_fit){isn, isn + (reach < COPY_FIT_BYTES ? COPY_FIT_BYTES : reach)};
}

static void read_flow(const uint8_t *p, uint32_t what, uint32_t now_s, struct fl_told *out)
{
	bool ipv4 = what & PEER_RECORD_IPV4;
	const uint8_t *behind;

	*out = (struct fl_told){
		.key.proto = p[20],
		.flow = {.state = state_of(what),
			 .slot = what & (PEER_RECORD_SLOTS - 1),
			 .seen_s = now_s - get16(p + 16),
			 .born_s = now_s - get16(p + 18)},
	};
	memcpy(&out->key.sport, p + 12, sizeof(out->key.sport));
	memcpy(&out->key.dport, p + 14, sizeof(out->key.dport));
	behind = read_address(p + FIXED, ipv4, out->key.saddr);
	behind = read_address(behind, ipv4, out->key.daddr);
	if (what & PEER_RECORD_YOUNG)
		out->flow.fit = read_fit(behind);
}

static void read_nat(const uint8_t *p, uint32_t what, uint32_t now_s, struct fl_told_nat *out)
{
	bool ipv4 = what & PEER_RECORD_IPV4, pair = what & PEER_RECORD_PAIR;
	struct fl_nat_key *k = &out->key;
	struct fl_nat_flow *f = &out->flow;
	const uint8_t *behind;

	*out = (struct fl_told_nat){
		.key.proto = p[20],
		.flow = {.flags = pair ? 0 : FL_NAT_BACK, .seen_s = now_s - get16(p + 16)},
	};
	for (size_t i = 0; i < NAT_FLAGS; i++)
		f->flags |= what & nat_flags[i].record ? nat_flags[i].flow : 0;
	memcpy(pair ? &k->sport : &k->dport, p + 12, sizeof(k->sport));
	memcpy(pair ? &k->dport : &f->sport, p + 14, sizeof(k->dport));
	behind = read_address(p + FIXED, ipv4, pair ? k->saddr : k->daddr);
	behind = read_address(behind, ipv4, pair ? k->daddr : f->saddr);
	if (pair) {
		memcpy(&f->sport, p + 18, sizeof(f->sport));
		read_address(behind, ipv4, f->saddr);
	} else {
		memcpy(f->daddr, k->daddr, sizeof(f->daddr));
		f->dport = k->dport;
	}
}

/* Its bytes; 0: another flag, which may mean that more follows, or one that does not fit the others. */
static size_t length_of(uint32_t what)
{
	size_t address = what & PEER_RECORD_IPV4 ? 4 : 16;

	if (!(what & PEER_RECORD_NAT)) {
		if (what & ~(PEER_RECORD_FLAGS | (PEER_RECORD_SLOTS - 1)))
			return 0;
		return FIXED + 2 * address + (what & PEER_RECORD_YOUNG ? 8 : 0);
	}
	if (what & ~PEER_RECORD_NAT_FLAGS)
		return 0;
	return FIXED + (what & PEER_RECORD_PAIR ? 3 : 2) * address;
}

bool peer_record__read(const uint8_t *in, size_t len, size_t *at, uint32_t now_s,
		       struct peer_record *out)
{
	const uint8_t *p = in + *at;
	uint32_t what;
	size_t need;

	if (len - *at < FIXED)
		return false;
	what = get32(p);
	need = length_of(what);
	if (!need || len - *at < need)
		return false;
	/* The port of a pool is one, and there is none without. */
	if (what & PEER_RECORD_NAT && !(what & PEER_RECORD_PAIR) != !get16(p + 18))
		return false;
	memcpy(&out->name, p + 4, sizeof(out->name));
	out->name = be64toh(out->name);
	out->nat = what & PEER_RECORD_NAT;
	if (out->nat)
		read_nat(p, what, now_s, &out->nat_flow);
	else
		read_flow(p, what, now_s, &out->flow);
	*at += need;
	return true;
}
