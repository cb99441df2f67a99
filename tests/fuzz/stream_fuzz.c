/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream_fuzz.c - any bytes as what a peer that has the key says of records: asides one after the other, a
 * length (2) and its bytes each. A byte before them says how many records this side has told.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S 500000u

static void must(int yes)
{
	if (!yes)
		abort();
}

/* What is read says the same when it is told on. */
static void hear(void *ctx, const struct peer_record *r)
{
	const struct fl_told_nat *nat = &r->nat_flow;
	const struct fl_told *t = &r->flow;
	uint8_t bytes[PEER_RECORD_MAX];
	struct peer_record again;
	size_t at = 0, len;
	int *n = ctx;

	*n += 1;
	if (r->nat)
		must(!nat->flow.backend && !nat->flow.service && !(nat->flow.flags & FL_NAT_HERE));
	else
		must(t->flow.slot < PEER_RECORD_SLOTS && t->flow.state & FL_FLOW_COPY &&
		     !t->key.service && !t->flow.backend);
	len = r->nat ? peer_record__write_nat(nat, r->name, NOW_S, bytes)
		     : peer_record__write(t, r->name, NOW_S, bytes);
	must(len <= sizeof(bytes) && peer_record__read(bytes, len, &at, NOW_S, &again) &&
	     at == len);
	must(r->name == again.name && r->nat == again.nat);
	if (r->nat) {
		/* An age grows as it is told on. */
		must((int32_t)(nat->flow.seen_s - again.nat_flow.flow.seen_s) >= 0);
		again.nat_flow.flow.seen_s = nat->flow.seen_s;
		must(!memcmp(nat, &again.nat_flow, sizeof(*nat)));
	} else {
		must(!memcmp(&t->key, &again.flow.key, sizeof(t->key)) &&
		     t->flow.state == again.flow.flow.state &&
		     t->flow.slot == again.flow.flow.slot);
	}
}

static void tell(struct peer_stream *s, uint8_t n)
{
	struct fl_told t = {.key = {.proto = 6}, .flow = {.state = FL_FLOW_ACTIVE}};
	uint8_t bytes[PEER_RECORD_MAX];

	while (n--)
		must(peer_stream__put(s, bytes, peer_record__write(&t, n, NOW_S, bytes)));
}

static void check(struct peer_stream *s, uint64_t now_us)
{
	uint8_t out[PEER_ASIDE_MAX];
	size_t len, messages = 0;

	while ((len = peer_stream__next(s, now_us, 300, out))) {
		must(len >= PEER_STREAM_HEAD && len <= PEER_ASIDE_MAX);
		must(++messages <= PEER_STREAM_WINDOW + 1);
	}
	must(s->acked <= s->sent && s->sent <= s->closed &&
	     s->closed - s->acked <= PEER_STREAM_WINDOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer_stream s;
	uint64_t now_us = 1000000;

	if (!size)
		return 0;
	peer_stream__init(&s);
	tell(&s, data[0]);
	check(&s, now_us);
	data++;
	size--;
	while (size > 2) {
		size_t len = (size_t)data[0] << 8 | data[1];
		uint64_t before = s.n_heard;
		int n = 0;

		len = len < size - 2 ? len : size - 2;
		if (!peer_stream__input(&s, now_us += 1000, NOW_S, data + 2, len, hear, &n))
			must(s.n_heard == before);
		must(s.n_heard == before + (uint64_t)n);
		check(&s, now_us);
		data += 2 + len;
		size -= 2 + len;
	}
	return 0;
}
