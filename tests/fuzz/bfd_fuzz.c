/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bfd_fuzz.c - libFuzzer on the BFD decoder and a session behind it: any bytes are a sequence of packets, time
 * that goes by, and new times. What a session may never do is a crash.
 */
#include <stdlib.h>
#include <string.h>

#include "vip/bfd_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS UINT64_C(1000000)
#define MINE 0x01020304

struct input {
	const uint8_t *p;
	size_t left;
};

static void must(int what)
{
	if (!what)
		abort();
}

static unsigned int byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

/* A datagram in memory of its own, so that a read beyond its end is seen. */
static void packet(struct bfd_session *s, struct input *in, uint64_t now)
{
	size_t len = byte(in) % (BFD_WIRE_LEN + 8);
	uint8_t *bytes;
	struct bfd_packet p;
	bool auth = false;

	if (len > in->left)
		len = in->left;
	bytes = malloc(len ? len : 1);
	must(bytes != NULL);
	memcpy(bytes, in->p, len);
	in->p += len;
	in->left -= len;
	if (bfd_wire__read(bytes, len, &p, &auth) == BFD_ACCEPTED && !auth) {
		must(len >= BFD_WIRE_LEN && p.mine && p.mult);
		must(p.yours || p.state <= BFD_DOWN);
		bfd_session__receive(s, &p, now);
		must(s->yours == p.mine);
		must(s->state == BFD_ADMIN_DOWN || s->heard_ns == now);
	}
	free(bytes);
}

static void send_all(struct bfd_session *s, uint64_t now)
{
	uint8_t bytes[BFD_WIRE_LEN];
	struct bfd_packet p, again;
	bool auth;
	int n = 0;

	while (bfd_session__send(s, now, &p)) {
		must(++n <= 2);
		must(!(p.poll && p.final));
		must(p.mine == MINE && p.mult == s->wanted.mult);
		must(p.state == BFD_UP || p.min_tx_us >= BFD_SLOW_US);
		bfd_wire__write(&p, bytes);
		must(bfd_wire__read(bytes, sizeof(bytes), &again, &auth) == BFD_ACCEPTED ||
		     (!p.yours && p.state > BFD_DOWN));
	}
	must(bfd_session__due(s) > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct bfd_times times = {10000, 10000, 3};
	struct bfd_session s;
	uint64_t now = MS;

	bfd_session__init(&s, &times, MINE, byte(&in), now);
	while (in.left) {
		switch (byte(&in) % 4) {
		case 0:
		case 1:
			packet(&s, &in, now);
			break;
		case 2:
			now += (byte(&in) << 8 | byte(&in)) * MS / 4;
			break;
		default:
			times.min_tx_us = 1000 * (1 + byte(&in) * 4);
			times.min_rx_us = 1000 * (1 + byte(&in) * 4);
			times.mult = (uint8_t)(1 + byte(&in) % 255);
			bfd_session__configure(&s, &times);
			break;
		}
		bfd_session__tick(&s, now);
		must(s.state < BFD_INIT || now - s.heard_ns < bfd_session__detection_ns(&s));
		send_all(&s, now);
	}
	return 0;
}
