/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_fuzz.c - any bytes as what a peer sends, in five places. The first byte of an input says where:
 *
 *   0  a datagram as it comes from the network: nobody has the key, so nothing of it may count
 *   1  bodies, sealed, as from a peer that has the key and is beside itself: a length (1) and a body each
 *   2  a copy of a ledger that follows one part after the other, likewise; then what is made of its facts
 *   3  what a peer says of configurations for all, with its length, one after the other, to a machine that goes by it
 *   4  pages of a text that is being fetched: a length (2) and a page each
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fairlead/abi.h"
#include "peer/facts.h"
#include "peer/link.h"
#include "peer/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int yes)
{
	if (!yes)
		abort();
}

static const struct peer_keys keys = {.n = 1, .key = {{.bytes = {7}, .hint = 7}}};

/* What one of them sends, the other gets at once, while they are to come to know each other. */
static struct peer_link links[2];
static bool connected;
static uint64_t now_us;

static void on_send(void *ctx, const uint8_t *datagram, size_t len)
{
	struct peer_link *to = ctx == &links[0] ? &links[1] : &links[0];

	if (connected)
		peer_link__input(to, now_us, datagram, len);
}

static void on_changed(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	(void)ctx;
	must(key_len >= 1 && key_len <= LEDGER_KEY_MAX &&
	     ((const uint8_t *)key)[key_len - 1] <= 255);
	must(len <= LEDGER_VALUE_MAX && (value || !len));
}

static void on_cleared(void *ctx)
{
	(void)ctx;
}

static void on_state(void *ctx, bool up)
{
	(void)ctx;
	(void)up;
}

static const struct peer_link_calls calls = {on_send, on_changed, on_cleared, on_state, NULL, NULL};

static void look(const struct ledger *ours, const struct ledger *copy)
{
	char text[PEER_DIFFERENCE_LEN], first[FL_NAME_LEN], version[16];

	peer_facts__same_config(ours, copy, text);
	peer_facts__same_config(copy, ours, text);
	peer_facts__other_tables(ours, copy, first);
	must(strlen(peer_facts__version(copy, version, sizeof(version))) < sizeof(version));
}

static void say_bodies(const uint8_t *data, size_t size)
{
	connected = true;
	for (int i = 0; i < 4; i++) {
		now_us += 200000;
		peer_link__tick(&links[i % 2], now_us);
	}
	connected = false;
	must(links[0].up && links[1].up);
	while (size > 1) {
		size_t len = data[0] < size - 1 ? data[0] : size - 1;
		uint8_t datagram[PEER_DATAGRAM_MAX];
		uint64_t counted = links[1].channel.counts[PEER_BODY];
		size_t n = peer_channel__seal(&links[0].channel, data + 1, len, NULL, datagram);

		peer_link__input(&links[1], ++now_us, datagram, n);
		must(links[1].channel.counts[PEER_BODY] == counted + 1);
		data += 1 + len;
		size -= 1 + len;
	}
	look(links[0].ours, links[1].copy);
}

static void play(const uint8_t *data, size_t size)
{
	struct ledger *ours = ledger__new();
	const struct peer_service s = {1, 2, 3, 4, 5};
	uint8_t seed[PEER_SEED_LEN] = {1};

	now_us = 1000000;
	must(ours && !peer_facts__set_service(ours, "web", &s) &&
	     !peer_facts__set_backend(ours, "web", "b1", 1));
	for (size_t i = 0; i < 2; i++) {
		seed[0]++;
		seed[PEER_SEED_LEN - 1]++;
		must(!peer_link__init(&links[i], &keys, ours, seed, 100, &calls, &links[i]));
	}
	if (data[0] % 5 == 1) {
		say_bodies(data + 1, size - 1);
	} else {
		peer_link__input(&links[0], now_us, data + 1, size - 1);
		must(!links[0].up && !links[0].n_accepted);
	}
	peer_link__clear(&links[0]);
	peer_link__clear(&links[1]);
	ledger__free(ours);
}

static void follow(const uint8_t *data, size_t size)
{
	struct ledger *copy = ledger__new();

	must(copy != NULL);
	while (size > 2) {
		size_t len = (size_t)data[0] << 8 | data[1];
		uint64_t version = ledger__version(copy);
		int rc;

		len = len < size - 2 ? len : size - 2;
		rc = ledger__take(copy, data + 2, len, on_changed, NULL);
		must(rc ? ledger__version(copy) == version : ledger__version(copy) > version);
		data += 2 + len;
		size -= 2 + len;
	}
	look(copy, copy);
	ledger__free(copy);
}

/* The next input, a length of two bytes before it; false: there is none. */
static bool cut(const uint8_t **data, size_t *size, const uint8_t **part, size_t *len)
{
	if (*size < 2)
		return false;
	*len = (size_t)(*data)[0] << 8 | (*data)[1];
	*len = *len < *size - 2 ? *len : *size - 2;
	*part = *data + 2;
	*data += 2 + *len;
	*size -= 2 + *len;
	return true;
}

static void agree(const uint8_t *data, size_t size)
{
	static const uint8_t me[ACCORD_BY] = {5};
	const struct accord_text text = {{1}, 1};
	struct accord_job job;
	struct accord a;
	const uint8_t *part;
	uint64_t time_us = 1;
	size_t len;

	accord__begin(&a, time_us, me, NULL);
	a.n = 1;
	a.peers[0].heard = true;
	a.peers[0].by[0] = 7;
	accord__propose(&a, time_us, &text);
	while (cut(&data, &size, &part, &len)) {
		uint8_t again[ACCORD_TOLD_MAX];
		struct accord_told told, twice;
		struct accord_epoch decided = a.record.decided.epoch;

		a.peers[0].known = accord_told__read(part, len, &a.peers[0].told);
		if (a.peers[0].known)
			must(accord_told__read(again, accord_told__write(&a.peers[0].told, again),
					       &twice) &&
			     memcmp(&twice, &a.peers[0].told, sizeof(twice)) == 0);
		time_us += len * 100000;
		if (accord__next(&a, time_us, &job))
			accord__done(&a, time_us, len % 3 ? "" : "no");
		must(accord_epoch__compare(&a.record.decided.epoch, &decided) >= 0);
		accord__tell(&a, &told);
		must(accord_told__read(again, accord_told__write(&told, again), &twice));
	}
}

static void turn_pages(const uint8_t *data, size_t size)
{
	const struct accord_text text = {{1}, 5 * PEER_PAGE_BYTES + 7};
	struct peer_fetch f = {0};
	struct peer_page page;
	const uint8_t *part;
	uint32_t number;
	uint64_t time_us = 1;
	size_t len;

	must(!peer_fetch__begin(&f, &text, time_us));
	while (cut(&data, &size, &part, &len)) {
		if (peer_page__read(part, len, &page) && !page.is_question)
			peer_fetch__take(&f, time_us, &page);
		time_us += 15000;
		while (peer_fetch__next(&f, time_us, 100, &number))
			must(number >= f.base && number < f.pages);
	}
	peer_fetch__end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (sodium_init() < 0 || size < 1)
		return 0;
	if (data[0] % 5 == 2)
		follow(data + 1, size - 1);
	else if (data[0] % 5 == 3)
		agree(data + 1, size - 1);
	else if (data[0] % 5 == 4)
		turn_pages(data + 1, size - 1);
	else
		play(data, size);
	return 0;
}
