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

static bool is_ipv4(const struct fl_flow_key *k)
{
	return !memcmp(k->saddr, mapped, sizeof(mapped)) &&
	       !memcmp(k->daddr, mapped, sizeof(mapped));
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
	return (is_ipv4(&t->key) ? PEER_RECORD_IPV4 : 0) |
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

static void read_addresses(const uint8_t *from, bool ipv4, struct fl_flow_key *k)
{
	size_t skip = ipv4 ? sizeof(mapped) : 0, len = 16 - skip;

	if (ipv4) {
		memcpy(k->saddr, mapped, sizeof(mapped));
		memcpy(k->daddr, mapped, sizeof(mapped));
	}
	memcpy(k->saddr + skip, from, len);
	memcpy(k->daddr + skip, from + len, len);
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

bool peer_record__read(const uint8_t *in, size_t len, size_t *at, uint32_t now_s,
		       struct fl_told *out, uint64_t *name)
{
	const uint8_t *p = in + *at;
	size_t need = FIXED;
	uint32_t what;
	bool ipv4;

	if (len - *at < need)
		return false;
	what = get32(p);
	ipv4 = what & PEER_RECORD_IPV4;
	need += ipv4 ? 8 : 32;
	if (what & PEER_RECORD_YOUNG)
		need += 8;
	/* Another flag may mean that more follows. */
	if (what & ~(PEER_RECORD_FLAGS | (PEER_RECORD_SLOTS - 1)) || len - *at < need)
		return false;
	*out = (struct fl_told){
		.key.proto = p[20],
		.flow = {.state = state_of(what),
			 .slot = what & (PEER_RECORD_SLOTS - 1),
			 .seen_s = now_s - get16(p + 16),
			 .born_s = now_s - get16(p + 18)},
	};
	memcpy(name, p + 4, sizeof(*name));
	*name = be64toh(*name);
	memcpy(&out->key.sport, p + 12, sizeof(out->key.sport));
	memcpy(&out->key.dport, p + 14, sizeof(out->key.dport));
	read_addresses(p + FIXED, ipv4, &out->key);
	if (what & PEER_RECORD_YOUNG)
		out->flow.fit = read_fit(p + need - 8);
	*at += need;
	return true;
}
