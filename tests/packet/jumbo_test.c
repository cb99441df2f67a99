/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames of several buffers, of which the program sees the first: their headers are there, their length
 * is not. A test run makes one buffer of about 3.4 KB and the others of a page.
 */
#include "check.h"
#include "change.h"

#define SEVERAL 4000

static const struct rig_gates gates = {.jumbo = true};
static const uint32_t backends[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6, RIG_GUE4};
static const enum fl_verdict verdicts[] = {FL_V_SEND_L2, FL_V_SEND_IPIP, FL_V_SEND_IPIP,
					   FL_V_SEND_GUE};

/* Calls `each` for both families and protocols with each backend, whose path takes any length. */
static void for_all(void (*each)(struct rig *r, struct spec *s, uint32_t backend,
				 enum fl_verdict v))
{
	struct rig *r = rig__get(gates);

	for (size_t i = 0; i < COUNT(backends); i++) {
		struct rig_backend b = r->be[backends[i]];

		b.mtu = 0;
		rig__backend(r, backends[i], &b);
		rig__point(r, (uint16_t)backends[i]);
		for (int way = 0; way < 4; way++) {
			struct spec s =
				way & 1 ? build__tcp(way & 2 ? 4 : 6) : build__udp(way & 2 ? 4 : 6);

			each(r, &s, backends[i], verdicts[i]);
		}
	}
}

static void one_buffer(struct rig *r, struct spec *s, uint32_t backend, enum fl_verdict v)
{
	check__spec(r, s, backend, v);
}

static void test_one_buffer(void **state)
{
	(void)state;
	for_all(one_buffer);
}

static void several(struct rig *r, struct spec *s, uint32_t backend, enum fl_verdict v)
{
	s->payload = SEVERAL;
	check__spec(r, s, backend, v);
}

/* The packet goes on behind the first buffer: every byte of it leaves, and is counted. */
static void test_several_buffers(void **state)
{
	(void)state;
	for_all(several);
}

static void padded(struct rig *r, struct spec *s, uint32_t backend, enum fl_verdict v)
{
	s->trailer = SEVERAL;
	check__spec(r, s, backend, v);
}

/* The packet ends in the first buffer, and the frame does not: what is counted is the frame. */
static void test_padding_of_several_buffers(void **state)
{
	(void)state;
	for_all(padded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_buffer),
		cmocka_unit_test(test_several_buffers),
		cmocka_unit_test(test_padding_of_several_buffers),
	};

	return check__table("packet_jumbo", NULL, 0, tests, COUNT(tests));
}
