/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a peer tells of a flow of NAT, and what stands at its place: which of the two goes on. docs/peers.md */
#include "check.h"
#include "maps.h"
#include "natcopy.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "lb.skel.h"

/* A flow of this machine that goes on keeps its source: another client's is not put in its place. */
static void test_clash(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, SYN),
			    other = natcopy__client(v, 4001, ACK);
		uint16_t port = natcopy__goes(r, &s, false);
		struct fl_told_nat t = natcopy__theirs(r, &other, false, port, ON, 0);

		assert_int_equal(natcopy__answers(r, &s, false, port, SYN | ACK), FL_V_SEND_REPLY);
		/* However long it has said nothing, short of `idle`. */
		natcopy__age(r, &s, false, port, IDLE_S - 9);
		assert_int_equal(natcopy__take(r, &t), CLASH);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(natcopy__verdict(r, &other, 0), FL_V_DROP_NAT_UNKNOWN);
		s.flags = ACK;
		assert_int_equal(natcopy__goes(r, &s, false), port);
		/* Over: a place like any other. */
		s.flags = RST;
		natcopy__goes(r, &s, false);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(natcopy__goes(r, &other, false), port);
		s.flags = ACK;
		assert_int_equal(natcopy__verdict(r, &s, 0), FL_V_DROP_NAT_UNKNOWN);
	}
}

/* The same client's port at the same service has one connection: the newer one. */
static void test_same_client(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, false);
		struct fl_told_nat t = natcopy__theirs(r, &s, false, THEIRS, ON, 0);

		assert_int_equal(natcopy__answers(r, &s, false, port, SYN | ACK), FL_V_SEND_REPLY);
		assert_int_equal(natcopy__take(r, &t), CLASH);
		s.flags = ACK;
		assert_int_equal(natcopy__goes(r, &s, false), port);
		natcopy__age(r, &s, false, port, 5);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), 2);
		assert_int_equal(natcopy__goes(r, &s, false), THEIRS);
		assert_int_equal(natcopy__answers(r, &s, false, port, ACK), FL_V_PASS_NOT_SERVICE);
	}
}

/* A source that the peer gives to another client: the first one's copy goes, with both entries. */
static void test_copy_gives_way(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, ACK),
			    other = natcopy__client(v, 4001, ACK);
		struct fl_told_nat first = natcopy__theirs(r, &s, false, THEIRS, ON, 20),
				   next = natcopy__theirs(r, &other, false, THEIRS, ON, 3);

		assert_int_equal(natcopy__take(r, &first), STANDS);
		assert_int_equal(natcopy__take(r, &next), STANDS);
		assert_int_equal(maps__flows(r), 2);
		/* What is older does not come back. */
		assert_int_equal(natcopy__take(r, &first), CLASH);
		assert_int_equal(natcopy__verdict(r, &s, 0), FL_V_DROP_NAT_UNKNOWN);
		assert_int_equal(natcopy__goes(r, &other, false), THEIRS);
	}
}

/* A flow that is over gives its source away: its backend is given up, or it was idle. */
static void test_over(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		for (int gone = 0; gone < 2; gone++) {
			struct rig *r = natcopy__rig(false, 0);
			struct spec s = natcopy__client(v, 4000, SYN),
				    other = natcopy__client(v, 4001, ACK);
			uint16_t port = natcopy__goes(r, &s, false);
			struct fl_told_nat t = natcopy__theirs(r, &other, false, port, ON, 0);
			uint32_t b = natcopy__backend(&s, false);
			struct rig_backend was = r->be[b], over = was;

			assert_int_equal(natcopy__take(r, &t), CLASH);
			over.flags |= FL_BE_GONE;
			if (gone)
				rig__backend(r, b, &over);
			else
				natcopy__age(r, &s, false, port, IDLE_S + 1);
			assert_int_equal(natcopy__take(r, &t), STANDS);
			rig__backend(r, b, &was);
			assert_int_equal(maps__flows(r), 2);
			assert_int_equal(natcopy__goes(r, &other, false), port);
		}
	}
}

/* Half of a pair: what is left of the client's is nobody's, and the flow gets both from the peer. */
static void test_half(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, false);
		struct fl_nat_key back = natcopy__back_key(r, &s, false, port);
		struct fl_told_nat t = natcopy__theirs(r, &s, false, port, ON, 3);

		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(r->skel->maps.nat_flows), &back),
				 0);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_int_equal(maps__flows(r), 2);
		s.flags = ACK;
		assert_int_equal(natcopy__goes(r, &s, false), port);
		assert_int_equal(natcopy__answers(r, &s, false, port, ACK), FL_V_SEND_REPLY);
	}
}

/* Two services' flows of one client and backend: the copy gives way to none that goes on here. */
static void test_lone_clash(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(true, 0);
		struct spec s = natcopy__client(v, 4000, ACK);
		struct fl_told_nat t = natcopy__theirs(r, &s, true, s.sport, ON, 0);
		struct fl_nat_flow f;

		natcopy__goes(r, &s, true);
		t.flow.sport = htons(ntohs(t.flow.sport) + 1);
		assert_int_equal(natcopy__take(r, &t), CLASH);
		assert_true(natcopy__entry(r, &t.key, &f));
		assert_int_equal(ntohs(f.sport), s.dport);
		s.flags = RST;
		natcopy__goes(r, &s, true);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &t.key, &f));
		assert_int_equal(f.sport, t.flow.sport);
	}
}

/* Ends are learnt, times only grow, and of `nat` the next connection of the same ports begins afresh. */
static void test_learnt(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, ACK);
		uint16_t port = lone ? s.sport : THEIRS;
		struct fl_nat_key back = natcopy__back_key(r, &s, lone, port);
		const uint16_t fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON, 50);
		struct fl_nat_flow f;

		assert_int_equal(natcopy__take(r, &t), STANDS);
		t = natcopy__theirs(r, &s, lone, port, ON | fins, 40);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN);
		assert_int_equal(f.seen_s, t.flow.seen_s);
		/* Of before. */
		t = natcopy__theirs(r, &s, lone, port, ON, 45);
		assert_int_equal(natcopy__take(r, &t), OLD);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN);
		/* Of after. */
		t = natcopy__theirs(r, &s, lone, port, ON, 30);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_false(f.flags & FL_NAT_FIN);
		/* In the same second, of a list that was made before the end: that stays. */
		t = natcopy__theirs(r, &s, lone, port, ON | fins, 30);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		t = natcopy__theirs(r, &s, lone, port, ON, 30);
		natcopy__take(r, &t);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN);
	}
}

/* A flow of this machine's own keeps what its packets have said, and learns the peer's. */
static void test_own_learns(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, lone);
		struct fl_nat_key back = natcopy__back_key(r, &s, lone, port),
				  k = maps__nat_key(&s);
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON, 0);
		struct fl_nat_flow f;

		assert_int_equal(natcopy__answers(r, &s, lone, port, FIN), FL_V_SEND_REPLY);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_FIN && f.flags & FL_NAT_HERE);
		t = natcopy__theirs(r, &s, lone, port, ON | FL_NAT_RST, 0);
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_RST && f.flags & FL_NAT_FIN && f.flags & FL_NAT_HERE);
		if (lone)
			continue;
		assert_true(natcopy__entry(r, &k, &f));
		assert_int_equal(f.flags, FL_NAT_SEEN | FL_NAT_HERE | FL_NAT_RST);
		assert_in_range(f.seen_s, natcopy__now() - 2, natcopy__now());
	}
}

/* An end that is told late: a pair's is the same connection's, the other's is that of the one before. */
static void test_late_end(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, lone);
		struct fl_nat_key k =
			lone ? natcopy__back_key(r, &s, lone, port) : maps__nat_key(&s);
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON | FL_NAT_RST, 20);
		struct fl_nat_flow f;

		assert_int_equal(natcopy__take(r, &t), lone ? OLD : STANDS);
		assert_true(natcopy__entry(r, &k, &f));
		assert_int_equal(f.flags & FL_NAT_RST, lone ? 0 : FL_NAT_RST);
		assert_true(f.flags & FL_NAT_HERE && f.seen_s + 2 >= natcopy__now());
	}
}

/*
 * A flow whose packets go by the peer now is the peer's, which alone refreshes it: two that told each other of it would
 * keep it for ever. The next packet here is told of.
 */
static void test_moves_away(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, lone);
		struct fl_nat_key k =
			lone ? natcopy__back_key(r, &s, lone, port) : maps__nat_key(&s);
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON, 0);
		struct fl_nat_flow f;

		s.flags = FIN;
		natcopy__goes(r, &s, lone);
		natcopy__age(r, &s, lone, port, 5);
		assert_true(natcopy__entry(r, &k, &f));
		/* A second is no difference. */
		t.flow.seen_s = f.seen_s + 1;
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &k, &f));
		assert_true(f.flags & FL_NAT_HERE);
		t.flow.seen_s = f.seen_s + 2;
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &k, &f));
		assert_false(f.flags & FL_NAT_HERE);
		assert_int_equal(f.seen_s, t.flow.seen_s);
		/* What this machine alone has seen of it stays. */
		assert_true(f.flags & (lone ? FL_NAT_FIN_OTHER : FL_NAT_FIN));
		natcopy__told(r);
		s.flags = ACK;
		natcopy__goes(r, &s, lone);
		assert_int_equal(natcopy__told(r), 1);
		natcopy__is_told(r, &s, lone, port, ON | (lone ? FL_NAT_FIN_OTHER : FL_NAT_FIN));
	}
}

/* A pair's last packet is that of either entry. */
static void test_either_entry(void **state)
{
	(void)state;
	for (uint8_t v = 4; v <= 6; v += 2) {
		struct rig *r = natcopy__rig(false, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, false);
		struct fl_nat_key k = maps__nat_key(&s);
		struct fl_told_nat t = natcopy__theirs(r, &s, false, port, ON, 0);
		struct fl_nat_flow f;

		natcopy__age(r, &s, false, port, 9);
		assert_int_equal(natcopy__answers(r, &s, false, port, ACK), FL_V_SEND_REPLY);
		assert_true(natcopy__entry(r, &k, &f));
		t.flow.seen_s = f.seen_s + 4;
		assert_int_equal(natcopy__take(r, &t), OLD);
		assert_true(natcopy__entry(r, &k, &f));
		assert_true(f.flags & FL_NAT_HERE);
	}
}

/* What ended here and goes on at the peer, later, is another connection of the same addresses and ports. */
static void test_begun_again(void **state)
{
	(void)state;
	ALL
	{
		struct rig *r = natcopy__rig(lone, 0);
		struct spec s = natcopy__client(v, 4000, SYN);
		uint16_t port = natcopy__goes(r, &s, lone);
		struct fl_nat_key back = natcopy__back_key(r, &s, lone, port);
		struct fl_told_nat t = natcopy__theirs(r, &s, lone, port, ON, 0);
		struct fl_nat_flow f;

		natcopy__answers(r, &s, lone, port, RST);
		natcopy__age(r, &s, lone, port, 9);
		assert_true(natcopy__entry(r, &back, &f));
		/* Within a second it may be of before the end. */
		t.flow.seen_s = f.seen_s + 1;
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_true(f.flags & FL_NAT_RST);
		t.flow.seen_s += 2;
		assert_int_equal(natcopy__take(r, &t), STANDS);
		assert_true(natcopy__entry(r, &back, &f));
		assert_int_equal(f.flags,
				 FL_NAT_BACK | FL_NAT_SEEN | (lone ? FL_NAT_SEEN_OTHER : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clash),	       cmocka_unit_test(test_same_client),
		cmocka_unit_test(test_copy_gives_way), cmocka_unit_test(test_over),
		cmocka_unit_test(test_half),	       cmocka_unit_test(test_lone_clash),
		cmocka_unit_test(test_learnt),	       cmocka_unit_test(test_own_learns),
		cmocka_unit_test(test_late_end),       cmocka_unit_test(test_moves_away),
		cmocka_unit_test(test_either_entry),   cmocka_unit_test(test_begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, rig__teardown);
}
