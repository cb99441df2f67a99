/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peers.c - the socket towards the peers, their links (peer/link.h), and what becomes of them. */
#include "agent/peers.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/peer_accord.h"
#include "agent/peer_news.h"
#include "agent/peer_quorum.h"
#include "agent/peer_words.h"
#include "agent/peers_state.h"
#include "peer/seats.h"

/* A flood is looked at in steps: so many at once, then others have their turn. */
#define TURN 64
/* Slots whose digest is made in one second: about 10 ms of work. */
#define SLOTS_PER_TICK (1u << 22)
#define RECEIVE_BUFFER (1 << 20)

struct peers_stage {
	struct peers *fresh; /* NULL: the ones that run go on, or there are to be none */
	bool keep;
	struct peer_keys keys;
};

/* --- from the links ------------------------------------------------------------------------------ */

static void on_send(void *ctx, const uint8_t *datagram, size_t len)
{
	const struct peer *peer = ctx;
	struct sockaddr_storage to;
	socklen_t to_len = addr__sockaddr(&peer->address, peer->peers->port, &to);

	/* What does not get out is a datagram lost: links go on from there. */
	(void)sendto(peer->peers->fd, datagram, len, MSG_DONTWAIT, (struct sockaddr *)&to, to_len);
}

static void on_changed(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	struct peer *peer = ctx;

	(void)value;
	(void)len;
	peer->news = true;
	peer_quorum__heard(peer, key, key_len);
	peer_words__heard(peer->peers, key, key_len);
	peer->peers->agent->seating.news |= peer_seats__is_key(key, key_len);
}

static void on_cleared(void *ctx)
{
	struct peer *peer = ctx;

	peer->news = true;
	peer_voice__cleared(&peer->voice);
	peer_records__cleared(peer);
}

void peers__log(enum log_level level, const struct peer *peer, const char *text)
{
	const struct log_field fields[] = {{"PEER", peer->name}, {NULL, NULL}};

	log__write(level, fields, "peer %s %s", peer->name, text);
}

static void on_state(void *ctx, bool up)
{
	struct peer *peer = ctx;
	char text[80];

	peer->since_ns = agent__realtime_ns();
	peer->news = true;
	if (up)
		snprintf(text, sizeof(text), "is heard");
	else
		snprintf(text, sizeof(text), "was not heard for %" PRIu64 " ms",
			 peer_link__patience_us(&peer->link) / 1000);
	peers__log(up ? LOG_LV_INFO : LOG_LV_WARN, peer, text);
	peer_records__state(peer, up);
	chronicle__tell(peer->peers->agent, JOURNAL_PEER, peer->name, NULL, up ? "up" : "silent",
			JOURNAL_NOBODY, "%s", text);
}

static void on_aside(void *ctx, const uint8_t *bytes, size_t len)
{
	peer_records__input(ctx, bytes, len);
}

static void on_page(void *ctx, const uint8_t *bytes, size_t len)
{
	peer_accord__page(ctx, bytes, len);
}

static const struct peer_link_calls calls = {on_send,  on_changed, on_cleared,
					     on_state, on_aside,   on_page};

/* --- the socket and the timer --------------------------------------------------------------------- */

static void receive(struct peers *p);

static void on_timer(uv_timer_t *h)
{
	struct peers *p = h->data;

	/* After a standstill of this agent, what waits to be read says that the others were not silent. */
	receive(p);
	for (size_t i = 0; i < p->n; i++) {
		if (peer_link__due(&p->list[i].link) <= peers__now_us())
			peer_link__tick(&p->list[i].link, peers__now_us());
	}
	peer_records__turn(p);
	peers__schedule(p);
}

/* Wakes when the first link wants to. */
void peers__schedule(struct peers *p)
{
	uint64_t due = UINT64_MAX, now = peers__now_us();

	for (size_t i = 0; i < p->n; i++) {
		if (peer_link__due(&p->list[i].link) < due)
			due = peer_link__due(&p->list[i].link);
		if (peer_records__due(&p->list[i]) < due)
			due = peer_records__due(&p->list[i]);
	}
	uv_update_time(&p->agent->loop);
	uv_timer_start(&p->timer, on_timer, due > now ? (due - now + 999) / 1000 : 0, 0);
}

union source {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

static struct peer *find_peer(struct peers *p, const union source *from)
{
	bool is4 = from->any.sa_family == AF_INET;
	struct addr address =
		addr__from_bytes(from->any.sa_family,
				 is4 ? (const void *)&from->in4.sin_addr : &from->in6.sin6_addr);

	if (ntohs(is4 ? from->in4.sin_port : from->in6.sin6_port) != p->port)
		return NULL;
	for (size_t i = 0; i < p->n; i++) {
		if (addr__equal(&p->list[i].address, &address))
			return &p->list[i];
	}
	return NULL;
}

static void receive(struct peers *p)
{
	uint8_t datagram[PEER_DATAGRAM_MAX + 1];

	for (int i = 0; i < TURN; i++) {
		union source from;
		socklen_t from_len = sizeof(from);
		struct peer *peer;
		ssize_t n;

		memset(&from, 0, sizeof(from));
		n = recvfrom(p->fd, datagram, sizeof(datagram), MSG_DONTWAIT, &from.any, &from_len);
		/* ECONNREFUSED tells of a peer that is not there yet, and takes nothing. */
		if (n < 0 && errno != ECONNREFUSED)
			break;
		if (n < 0)
			continue;
		peer = find_peer(p, &from);
		if (peer)
			peer_link__input(&peer->link, peers__now_us(), datagram, (size_t)n);
		else
			p->n_strangers++;
	}
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct peers *p = h->data;

	(void)status;
	(void)events;
	receive(p);
	peer_records__turn(p);
	peers__schedule(p);
}

static int open_socket(struct peers *p, struct err *err)
{
	struct sockaddr_storage at;
	socklen_t len = addr__sockaddr(&p->listen, p->port, &at);
	int size = RECEIVE_BUFFER, fd;
	char text[ADDR_STRLEN];

	fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err__set(err, -errno, "cannot make the socket for peers: %s",
				strerror(errno));
	/* A smaller one will do: what is lost is sent again. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&at, len)) {
		int rc = err__set(
			err, -errno,
			"cannot listen to peers at %s, UDP port %u: %s; `peers.listen` must be an "
			"address of this machine",
			addr__format(&p->listen, text), p->port, strerror(errno));

		close(fd);
		return rc;
	}
	p->fd = fd;
	return 0;
}

/* --- made and ended ------------------------------------------------------------------------------- */

static void free_peers(struct peers *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		peer_link__clear(&p->list[i].link);
	peer_records__free(p);
	free(p->list);
	ledger__free(p->ours);
	free(p->told);
	free(p->ids);
	peer_keys__wipe(&p->keys);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

void peers__closed(struct peers *p)
{
	if (p->open_handles == 0 && !p->records.reading)
		free_peers(p);
}

static void on_closed(uv_handle_t *h)
{
	struct peers *p = h->data;

	p->open_handles--;
	peers__closed(p);
}

static void end_peers(struct peers *p)
{
	if (!p)
		return;
	p->ending = true;
	p->open_handles = 3 + (p->records.ring != NULL);
	uv_close((uv_handle_t *)&p->poll, on_closed);
	uv_close((uv_handle_t *)&p->timer, on_closed);
	peer_records__close(p, on_closed);
}

static int make_list(struct peers *p, const struct config *c)
{
	p->list = calloc(c->n_peers, sizeof(*p->list));
	if (!p->list)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_peers; i++) {
		struct peer *peer = &p->list[i];
		uint8_t seed[PEER_SEED_LEN];

		randombytes_buf(seed, sizeof(seed));
		if (peer_link__init(&peer->link, &p->keys, p->ours, seed, p->interval_ms, &calls,
				    peer))
			return -ENOMEM;
		p->n++;
		peer->link.now_us = peer->link.heard_us = peers__now_us();
		peer_voice__begin(&peer->voice, peers__now_us());
		peer->peers = p;
		peer_stream__init(&peer->records.stream);
		memcpy(peer->name, c->peers[i].name, sizeof(peer->name));
		peer->address = c->peers[i].address;
	}
	return 0;
}

static int make_peers(struct agent *a, const struct config *c, const struct peer_keys *keys,
		      struct peers **out, struct err *err)
{
	struct peers *p = calloc(1, sizeof(*p));
	const struct peers *old = a->peers;
	int rc = -ENOMEM;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->agent = a;
	p->born_ns = uv_hrtime();
	p->fd = -1;
	p->listen = c->peer_listen;
	p->port = c->peer_port;
	p->interval_ms = c->peer_interval_ms;
	p->keys = *keys;
	p->ours = ledger__new();
	p->told = malloc(FL_MAX_SERVICES * sizeof(*p->told));
	p->ids = calloc(FL_MAX_BACKENDS + 1, sizeof(*p->ids));
	if (p->ours && p->told && p->ids)
		rc = make_list(p, c);
	if (rc) {
		free_peers(p);
		return err__set(err, rc, "out of memory");
	}
	memset(p->told, 0xff, FL_MAX_SERVICES * sizeof(*p->told));
	if (old && addr__equal(&old->listen, &p->listen) && old->port == p->port) {
		/* The address is taken, by this agent. */
		p->fd = dup(old->fd);
		rc = p->fd < 0 ? err__set(err, -errno, "cannot keep the socket for peers: %s",
					  strerror(errno))
			       : 0;
	} else {
		rc = open_socket(p, err);
	}
	if (rc)
		free_peers(p);
	else
		*out = p;
	return rc;
}

static bool is_same(const struct peers *p, const struct config *c)
{
	if (!p || p->n != c->n_peers || !addr__equal(&p->listen, &c->peer_listen) ||
	    p->port != c->peer_port || p->interval_ms != c->peer_interval_ms)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->list[i].name, c->peers[i].name) != 0 ||
		    !addr__equal(&p->list[i].address, &c->peers[i].address))
			return false;
	}
	return true;
}

int peers__stage(struct agent *a, const struct config *next, struct peers_stage **out,
		 struct err *err)
{
	struct peers_stage *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	if (next->n_peers)
		rc = peer_keys__read(next->peer_key_file, &s->keys, err);
	if (!rc) {
		s->keep = next->n_peers && is_same(a->peers, next);
		if (next->n_peers && !s->keep)
			rc = make_peers(a, next, &s->keys, &s->fresh, err);
	}
	if (rc)
		peers__undo(s);
	else
		*out = s;
	return rc;
}

void peers__undo(struct peers_stage *s)
{
	if (!s)
		return;
	free_peers(s->fresh);
	peer_keys__wipe(&s->keys);
	free(s);
}

static void complain(struct peers *p, int rc)
{
	if (!rc || p->full)
		return;
	p->full = true;
	log_error("what the peers are told is not complete: %s",
		  rc == -ENOSPC ? "there are more services and backends than fit"
				: "out of memory");
}

/* Tells all links at once of what is new. */
static void tell(struct peers *p)
{
	for (size_t i = 0; i < p->n; i++)
		peer_link__news(&p->list[i].link, peers__now_us());
	peers__schedule(p);
}

void peers__commit(struct agent *a, struct peers_stage *s)
{
	if (s->keep) {
		a->peers->keys = s->keys;
	} else {
		end_peers(a->peers);
		a->peers = s->fresh;
		s->fresh = NULL;
		if (a->peers) {
			a->peers->poll.data = a->peers->timer.data = a->peers;
			uv_poll_init(&a->loop, &a->peers->poll, a->peers->fd);
			uv_timer_init(&a->loop, &a->peers->timer);
			uv_poll_start(&a->peers->poll, UV_READABLE, on_readable);
			peer_records__open(a->peers);
		}
	}
	peers__undo(s);
	peer_quorum__configured(a);
	if (!a->peers)
		return;
	a->peers->records.names.made_ns = 0;
	peer_accord__configured(a);
	complain(a->peers, peer_news__publish(a, a->peers->ours));
	for (size_t i = 0; i < a->peers->n; i++)
		a->peers->list[i].news = true;
	a->seating.news = a->peers->words = true;
	tell(a->peers);
}

void peers__close(struct agent *a)
{
	end_peers(a->peers);
	a->peers = NULL;
}

/* --- what is told, what is heard ------------------------------------------------------------------ */

void peers__tell_member(const struct member *m)
{
	struct peers *p = m->service->agent->peers;

	/* A service that is being set up is told of as a whole. */
	if (!p || m->retired || !m->service->config)
		return;
	complain(p, peer_facts__set_backend(p->ours, m->service->name, member__id(m),
					    (uint8_t)health__says(&m->health)));
	complain(p, peer_words__publish(m, p->ours));
	p->dirty = true;
}

void peers__tell_seats(const struct service *s)
{
	struct peers *p = s->agent->peers;

	complain(p, peer_seats__tell(p->ours, s->name, s->seats));
	p->dirty = true;
}

void peers__flush(struct agent *a)
{
	struct peers *p = a->peers;

	if (!p)
		return;
	peer_records__flush(p);
	if (!p->dirty)
		return;
	p->dirty = false;
	tell(p);
}

static void tell_tables_and_clock(struct peers *p)
{
	struct agent *a = p->agent;
	uint64_t before = ledger__version(p->ours);
	uint32_t budget = SLOTS_PER_TICK, id = p->next_table;

	for (uint32_t i = 0; i < FL_MAX_SERVICES && budget; i++) {
		const struct service *s;

		id = (id + 1) % FL_MAX_SERVICES;
		s = a->by_id[id];
		if (!s || !s->config || p->told[id] == s->generation)
			continue;
		complain(p, peer_news__publish_table(s, p->ours, p->ids));
		p->told[id] = s->generation;
		budget -=
			plane__slots(s->slot_class) < budget ? plane__slots(s->slot_class) : budget;
	}
	p->next_table = id;
	complain(p, peer_news__publish_clock(p->ours, p->ours));
	p->dirty |= ledger__version(p->ours) != before;
}

void peers__tick(struct agent *a)
{
	struct peers *p = a->peers;

	peer_quorum__tick(a);
	if (!p)
		return;
	tell_tables_and_clock(p);
	peer_view__note_shared(p);
	peer_records__tick(p);
	peer_view__tick(p);
}
