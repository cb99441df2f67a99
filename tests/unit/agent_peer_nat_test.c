/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of NAT that peers tell: which of them are put here, with what this machine knows of the backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_nat.h"
#include "agent/peers_state.h"
#include "plane/internal.h"

#define SERVICE 3
#define BACKEND 5
#define NAME 77

static struct fl_backend backends[FL_MAX_BACKENDS];
static struct plane plane;
static struct agent agent;
static struct config config;
static struct config_service served;
static struct service service;
static struct peer_named names[3];
static struct peers peers;
static struct peer peer;
static struct addr pool4[2], pool6[2];

static struct addr at(bool v6, uint8_t last)
{
	if (v6)
		return addr__from_bytes(AF_INET6,
					(uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = last});
	return addr__from_bytes(AF_INET, (uint8_t[4]){192, 0, 2, last});
}

static void put(uint8_t to[16], bool v6, uint8_t last)
{
	struct addr a = at(v6, last);

	memcpy(to, a.b, 16);
}

/* A service on ports 80 to 89 of .10, a backend at .21, port 8080; addresses .101 and .102 in the pool. */
static void begin(bool v6, enum fl_forward mode)
{
	plane = (struct plane){.backends = backends, .nat_take_fd = -1};
	backends[BACKEND] = (struct fl_backend){.mode = (uint8_t)mode, .port = htons(8080)};
	put(backends[BACKEND].addr, v6, 21);
	served = (struct config_service){
		.vip = {at(v6, 10), 128}, .port = 80, .port_last = 89, .proto = IPPROTO_TCP};
	service.config = &served;
	for (uint8_t i = 0; i < 2; i++) {
		pool4[i] = at(false, (uint8_t)(101 + i));
		pool6[i] = at(true, (uint8_t)(101 + i));
	}
	config = (struct config){.snat4 = pool4, .snat6 = pool6, .n_snat4 = 2, .n_snat6 = 2};
	agent.plane = &plane;
	agent.config = &config;
	memset(agent.by_id, 0, sizeof(agent.by_id));
	agent.by_id[SERVICE] = &service;
	names[0] = (struct peer_named){NAME - 1, 1, 1};
	names[1] = (struct peer_named){NAME, SERVICE, BACKEND};
	names[2] = (struct peer_named){NAME + 1, 1, 1};
	memset(&peers, 0, sizeof(peers));
	memset(&peer, 0, sizeof(peer));
	peers.agent = &agent;
	peers.records.names.list = names;
	peers.records.names.n = 3;
	peer.peers = &peers;
	snprintf(peer.name, sizeof(peer.name), "lb2");
}

/* As it comes from the wire: .50:4000 to port 82, of full NAT from .102:30000. */
static struct fl_told_nat heard(bool v6, bool lone)
{
	struct fl_told_nat t = {.key = {.proto = IPPROTO_TCP},
				.flow = {.flags = FL_NAT_SEEN, .seen_s = 9}};

	if (lone) {
		put(t.key.daddr, v6, 50);
		t.key.dport = htons(4000);
		put(t.flow.saddr, v6, 10);
		t.flow.sport = htons(82);
		put(t.flow.daddr, v6, 50);
		t.flow.dport = htons(4000);
		t.flow.flags |= FL_NAT_BACK;
		return t;
	}
	put(t.key.saddr, v6, 50);
	t.key.sport = htons(4000);
	put(t.key.daddr, v6, 10);
	t.key.dport = htons(82);
	put(t.flow.saddr, v6, 102);
	t.flow.sport = htons(30000);
	return t;
}

/* Whether it is to be put into the map; `to` is what is put there. */
static bool is_taken(const struct fl_told_nat *t, uint64_t name, struct fl_told_nat *to)
{
	uint64_t unknown = peer.records.n_unknown;
	uint32_t n = peers.records.nat_take.n;
	bool taken;

	peer_nat__take(&peer, t, name);
	taken = peers.records.nat_take.n == n + 1;
	assert_int_equal(peer.records.n_unknown, unknown + !taken);
	if (taken && to)
		*to = peers.records.nat_take.records[n];
	return taken;
}

#define ALL                            \
	for (int v6 = 0; v6 < 2; v6++) \
		for (int lone = 0; lone < 2; lone++)

static enum fl_forward mode_of(bool lone)
{
	return lone ? FL_FWD_NAT : FL_FWD_FULLNAT;
}

/* Its own numbers, and where the backend is, come from here; the rest stays. */
static void test_completed(void **state)
{
	(void)state;
	ALL
	{
		struct fl_told_nat t = heard(v6, lone), to, want = t;

		begin(v6, mode_of(lone));
		want.flow.service = SERVICE;
		want.flow.backend = BACKEND;
		put(lone ? want.key.saddr : want.flow.daddr, v6, 21);
		*(lone ? &want.key.sport : &want.flow.dport) = htons(8080);
		assert_true(is_taken(&t, NAME, &to));
		assert_memory_equal(&to, &want, sizeof(to));
		/* A backend that keeps the packet's port. */
		backends[BACKEND].port = 0;
		*(lone ? &want.key.sport : &want.flow.dport) = htons(82);
		assert_true(is_taken(&t, NAME, &to));
		assert_memory_equal(&to, &want, sizeof(to));
	}
}

/* What is not here, or not the same. */
static void test_unknown(void **state)
{
	(void)state;
	ALL
	{
		struct fl_told_nat t = heard(v6, lone);
		__be16 *port = lone ? &t.flow.sport : &t.key.dport;
		uint8_t *vip = lone ? t.flow.saddr : t.key.daddr;

		begin(v6, mode_of(lone));
		assert_false(is_taken(&t, NAME + 2, NULL));
		/* A name of a service that has gone; of one whose configuration has. */
		assert_false(is_taken(&t, NAME + 1, NULL));
		service.config = NULL;
		assert_false(is_taken(&t, NAME, NULL));
		service.config = &served;
		/* The backend: none, another way to it. */
		backends[BACKEND].mode = FL_FWD_NONE;
		assert_false(is_taken(&t, NAME, NULL));
		for (int mode = FL_FWD_NONE; mode < 8; mode++) {
			backends[BACKEND].mode = (uint8_t)mode;
			assert_int_equal(is_taken(&t, NAME, NULL), mode == (int)mode_of(lone));
		}
		backends[BACKEND].mode = (uint8_t)mode_of(lone);
		/* Ports, the VIP and the protocol of the service. */
		for (uint16_t p = 78; p < 92; p++) {
			*port = htons(p);
			assert_int_equal(is_taken(&t, NAME, NULL), p >= 80 && p <= 89);
		}
		*port = htons(80);
		vip[15] ^= 1;
		assert_false(is_taken(&t, NAME, NULL));
		served.vip.len = 127;
		assert_true(is_taken(&t, NAME, NULL));
		t.key.proto = IPPROTO_UDP;
		assert_false(is_taken(&t, NAME, NULL));
	}
}

/* A source that is none of this machine's would not come back to it. */
static void test_pool(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct fl_told_nat t = heard(v6, false);

		begin(v6, FL_FWD_FULLNAT);
		for (uint8_t last = 100; last < 105; last++) {
			put(t.flow.saddr, v6, last);
			assert_int_equal(is_taken(&t, NAME, NULL), last == 101 || last == 102);
		}
		put(t.flow.saddr, v6, 102);
		*(v6 ? &config.n_snat6 : &config.n_snat4) = 1;
		assert_false(is_taken(&t, NAME, NULL));
	}
}

/* As many as fit go at once. Without the program none counts as taken, and none stays behind. */
static void test_no_program(void **state)
{
	struct fl_told_nat t = heard(false, false);

	(void)state;
	begin(false, FL_FWD_FULLNAT);
	for (uint32_t i = 1; i < FL_NAT_TAKE_RECORDS; i++) {
		peer_nat__take(&peer, &t, NAME);
		assert_int_equal(peers.records.nat_take.n, i);
	}
	peers.records.nat_take.done = 5;
	peer_nat__take(&peer, &t, NAME);
	assert_int_equal(peers.records.nat_take.n, 0);
	assert_int_equal(peer.records.n_taken, 0);
	peer_nat__take(&peer, &t, NAME);
	peer_nat__flush(&peer);
	assert_int_equal(peers.records.nat_take.n, 0);
	assert_int_equal(peer.records.n_taken + peer.records.n_clashes + peer.records.n_full, 0);
	assert_int_equal(peer.records.n_unknown, 0);
}

/* Which ports are whose: two machines that name each other tell what does not overlap. */
static void test_published(void **state)
{
	struct config_peer other[2] = {{.address = at(false, 2)}, {.address = at(false, 9)}};
	struct ledger *ours = ledger__new(), *theirs = ledger__new();
	struct peer_pool told;

	(void)state;
	begin(false, FL_FWD_FULLNAT);
	config.snat_port_first = 1024;
	config.snat_port_last = 4095;
	config.peer_listen = at(false, 3);
	config.peers = other;
	config.n_peers = 2;
	assert_int_equal(peer_nat__publish(&agent, ours), 0);
	assert_true(peer_pool__read(ours, &told));
	assert_int_equal(told.first, 2048);
	assert_int_equal(told.last, 3071);
	assert_int_equal(told.n, 4);
	assert_memory_equal(told.addrs[1].b, pool4[1].b, 16);
	assert_memory_equal(told.addrs[3].b, pool6[1].b, 16);
	config.peer_listen = at(false, 2);
	other[0].address = at(false, 3);
	assert_int_equal(peer_nat__publish(&agent, theirs), 0);
	assert_int_equal(peer_pool__compare(ours, theirs), PEER_POOLS_SHARED);
	/* One that does not name the third. */
	config.n_peers = 1;
	assert_int_equal(peer_nat__publish(&agent, theirs), 0);
	assert_int_equal(peer_pool__compare(ours, theirs), PEER_POOLS_OVERLAP);
	ledger__free(ours);
	ledger__free(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completed), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_pool),	  cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
