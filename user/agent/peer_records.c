/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_nat.h"
#include "agent/peers_state.h"

/* Between two readings of the ring: what is made meanwhile goes together. */
#define PAUSE_MS 5
/* Records that fit a message, if all are the longest ones; and messages kept for what is made. */
#define RECORDS_A_MESSAGE 15
#define RESERVE 16
/* Entries of a slice of a list's reading, a few milliseconds. */
#define SLICE 16384
/* A refresh as often as this, or four times in the shortest `idle` or `hold`. */
#define REFRESH_S 10
/* A peer that has taken nothing for so long, of what is on its way to it, is not waited for. */
#define STUCK_US 300000

/* --- to peers ------------------------------------------------------------------------------------- */

/* It is heard, and knows what records are. */
static bool takes(const struct peer *peer)
{
	return peer->link.up && peer_facts__records(peer->link.copy);
}

static bool is_stuck(const struct peer *peer)
{
	const struct peer_stream *s = &peer->records.stream;

	return s->sent > s->acked && peers__now_us() - s->progress_us > STUCK_US;
}

/* ... and of such: later versions know more of them. */
bool peer_records__takes(const struct peer *peer, bool nat)
{
	return takes(peer) && (!nat || peer_facts__nat_records(peer->link.copy));
}

static uint32_t seen_s(const struct peer_record *r)
{
	return r->nat ? r->nat_flow.flow.seen_s : r->flow.flow.seen_s;
}

/* No packet of it has come by here. */
static bool is_copy(const struct peer_record *r)
{
	return r->nat ? !(r->nat_flow.flow.flags & FL_NAT_HERE) : r->flow.flow.state & FL_FLOW_COPY;
}

static size_t encode(const struct peers *p, const struct peer_record *r, uint32_t now_s,
		     uint8_t out[PEER_RECORD_MAX])
{
	uint32_t service = r->nat ? r->nat_flow.flow.service : r->flow.key.service,
		 backend = r->nat ? r->nat_flow.flow.backend : r->flow.flow.backend;
	uint64_t name = peer_names__of(&p->records.names, p->agent, service, backend);

	if (!name)
		return 0;
	return r->nat ? peer_record__write_nat(&r->nat_flow, name, now_s, out)
		      : peer_record__write(&r->flow, name, now_s, out);
}

static void send_all(struct peer *peer)
{
	struct peer_stream *s = &peer->records.stream;
	uint8_t out[PEER_ASIDE_MAX];
	size_t len;

	if (!takes(peer))
		return;
	while ((len = peer_stream__next(s, peers__now_us(), peer->link.rtt_us, out)))
		peer_link__say(&peer->link, peers__now_us(), out, len);
}

/* --- what is made --------------------------------------------------------------------------------- */

static void tell_made(void *ctx, const void *sample, size_t size)
{
	struct peer_record r = {.nat = size >= sizeof(r.nat_flow)};
	struct peers *p = ctx;
	uint8_t record[PEER_RECORD_MAX];
	size_t len;

	if (r.nat)
		memcpy(&r.nat_flow, sample, sizeof(r.nat_flow));
	else
		memcpy(&r.flow, sample, sizeof(r.flow));
	len = encode(p, &r, agent__coarse_s(), record);

	for (size_t i = 0; len && i < p->n; i++) {
		struct peer *peer = &p->list[i];

		if (takes(peer) && !peer_records__takes(peer, r.nat))
			continue;
		if (!takes(peer) || !peer_stream__put(&peer->records.stream, record, len))
			peer_stream__miss(&peer->records.stream);
	}
}

/* How many records there is room for on the way to each peer that follows. */
static uint32_t room(const struct peers *p)
{
	uint32_t least = PEER_STREAM_WINDOW, messages;

	for (size_t i = 0; i < p->n; i++) {
		messages = peer_stream__room(&p->list[i].records.stream);
		if (takes(&p->list[i]) && !is_stuck(&p->list[i]) && messages < least)
			least = messages;
	}
	return least * RECORDS_A_MESSAGE;
}

static void on_readable(uv_poll_t *h, int status, int events);

static void on_pause_over(uv_timer_t *h)
{
	struct peers *p = h->data;

	uv_poll_start(&p->records.poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct peers *p = h->data;
	uint32_t most = room(p);

	(void)status;
	(void)events;
	if (peer_names__refresh(&p->records.names, p->agent) == 0 && most)
		plane__ring_take(p->records.ring, most);
	uv_poll_stop(h);
	uv_timer_start(&p->records.pause, on_pause_over, PAUSE_MS, 0);
	for (size_t i = 0; i < p->n; i++)
		send_all(&p->list[i]);
	peers__schedule(p);
}

/* --- the list ------------------------------------------------------------------------------------- */

/* On the worker. */
static void collect(struct peer_records *r, const struct peer_record *one)
{
	bool seen = (int32_t)(seen_s(one) - r->since_s) >= 0 && !is_copy(one);

	if (!seen && !r->whole)
		return;
	if (r->n == r->room) {
		size_t more = r->room ? 2 * r->room : SLICE;
		struct peer_record *list = realloc(r->list, more * sizeof(*list));

		if (!list) {
			r->rc = -ENOMEM;
			return;
		}
		r->list = list;
		r->room = more;
	}
	r->list[r->n++] = *one;
}

static void collect_flow(void *ctx, const struct fl_flow_key *k, const struct fl_flow *f,
			 uint32_t now_s)
{
	struct peer_record one = {.flow = {*k, *f}};

	(void)now_s;
	if ((f->state & FL_FLOW_STATE) != FL_FLOW_DEAD)
		collect(ctx, &one);
}

/* Of those that nobody has answered yet, most never go on. */
static void collect_nat(void *ctx, const struct fl_told_nat *t, uint32_t now_s)
{
	struct peer_record one = {.nat = true, .nat_flow = *t};

	(void)now_s;
	if (t->flow.flags & FL_NAT_SEEN)
		collect(ctx, &one);
}

static void read_slice(uv_work_t *work)
{
	struct peers *p = work->data;
	struct peer_records *r = &p->records;
	int rc;

	r->pass.slice = SLICE;
	if (r->at_nat)
		rc = plane__nat_records(p->agent->plane, &r->pass, 1, collect_nat, r, &r->ended,
					&r->err);
	else
		rc = plane__records(p->agent->plane, &r->pass, 1, collect_flow, r, &r->ended,
				    &r->err);
	r->rc = rc ? rc : r->rc;
}

static void after_slice(uv_work_t *work, int status);

static void read_on(struct peers *p)
{
	struct peer_records *r = &p->records;

	r->work.data = p;
	r->reading = uv_queue_work(&p->agent->loop, &r->work, read_slice, after_slice) == 0;
}

static void drop_list(struct peer_records *r)
{
	free(r->list);
	r->list = NULL;
	r->n = r->room = r->at = 0;
	r->telling = false;
}

static void begin_list(struct peers *p)
{
	struct peer_records *r = &p->records;

	if (r->reading || r->telling)
		return;
	r->whole = false;
	for (size_t i = 0; i < p->n; i++) {
		struct peer_exchange *e = &p->list[i].records;

		e->out = !takes(&p->list[i]);
		e->whole = !e->out && !e->stream.ours.told;
		if (e->whole)
			peer_stream__begin(&e->stream);
		r->whole |= e->whole;
	}
	/* What was seen in the second in which the last list was begun may not be in that. */
	r->since_s = r->last_began_s - 1;
	r->began_s = agent__coarse_s();
	r->pass = (struct plane_pass){0};
	r->at_nat = false;
	r->rc = 0;
	read_on(p);
}

static bool is_for(const struct peer *peer, const struct peer_record *r, uint32_t since_s)
{
	const struct peer_exchange *e = &peer->records;

	if (e->out || (takes(peer) && !peer_records__takes(peer, r->nat)))
		return false;
	return e->whole || (!is_copy(r) && (int32_t)(seen_s(r) - since_s) >= 0);
}

/* Tells one record of the list to each peer that it is for; false: one of them has no room, and is waited for. */
static bool tell_listed(struct peers *p, const struct peer_record *one, uint32_t now_s)
{
	struct peer_records *r = &p->records;
	uint8_t record[PEER_RECORD_MAX];
	size_t len;

	for (size_t i = 0; i < p->n; i++) {
		struct peer_exchange *e = &p->list[i].records;

		if (!is_for(&p->list[i], one, r->since_s))
			continue;
		if (!takes(&p->list[i]) || is_stuck(&p->list[i])) {
			peer_stream__miss(&e->stream);
			e->out = true;
		} else if (peer_stream__room(&e->stream) <= RESERVE) {
			return false;
		}
	}
	len = encode(p, one, now_s, record);
	for (size_t i = 0; len && i < p->n; i++) {
		struct peer_exchange *e = &p->list[i].records;

		if (is_for(&p->list[i], one, r->since_s) &&
		    !peer_stream__put(&e->stream, record, len))
			peer_stream__miss(&e->stream);
	}
	return true;
}

static void tell_list(struct peers *p)
{
	struct peer_records *r = &p->records;
	uint32_t now_s = agent__coarse_s();

	if (!r->telling || peer_names__refresh(&r->names, p->agent))
		return;
	while (r->at < r->n && tell_listed(p, &r->list[r->at], now_s))
		r->at++;
	for (size_t i = 0; i < p->n; i++) {
		struct peer_exchange *e = &p->list[i].records;

		if (!e->whole || e->out)
			continue;
		peer_stream__advance(&e->stream, (uint32_t)r->at, (uint32_t)r->n);
		if (r->at == r->n)
			peer_stream__end(&e->stream);
	}
	if (r->at < r->n)
		return;
	r->last_began_s = r->began_s;
	drop_list(r);
}

static void after_slice(uv_work_t *work, int status)
{
	struct peers *p = work->data;
	struct peer_records *r = &p->records;

	(void)status;
	r->reading = false;
	if (p->ending) {
		peers__closed(p);
		return;
	}
	if (r->rc) {
		log_error("%s; peers are told of their records later",
			  r->rc == -ENOMEM ? "out of memory" : r->err.text);
		drop_list(r);
		return;
	}
	if (!r->ended || !r->at_nat) {
		if (r->ended) {
			r->at_nat = true;
			r->pass = (struct plane_pass){0};
		}
		read_on(p);
		return;
	}
	r->telling = true;
	r->at = 0;
	peer_records__turn(p);
	peers__schedule(p);
}

/* --- from peers ----------------------------------------------------------------------------------- */

static void on_record(void *ctx, const struct peer_record *r)
{
	if (r->nat)
		peer_nat__take(ctx, &r->nat_flow, r->name);
	else
		peer_copies__take(ctx, &r->flow, r->name);
}

void peer_records__input(struct peer *peer, const uint8_t *bytes, size_t len)
{
	if (peer_names__refresh(&peer->peers->records.names, peer->peers->agent))
		return;
	if (!peer_stream__input(&peer->records.stream, peers__now_us(), agent__coarse_s(), bytes,
				len, on_record, peer))
		peer->link.n_malformed++;
	peer_copies__flush(peer);
	peer_nat__flush(peer);
}

void peer_records__cleared(struct peer *peer)
{
	peer_stream__restart(&peer->records.stream);
}

void peer_records__state(struct peer *peer, bool up)
{
	/* Ages are those of when a message was made. */
	if (!up)
		peer_stream__again(&peer->records.stream);
}

/* --- the loop's ----------------------------------------------------------------------------------- */

void peer_records__turn(struct peers *p)
{
	tell_list(p);
	for (size_t i = 0; i < p->n; i++)
		send_all(&p->list[i]);
}

uint64_t peer_records__due(const struct peer *peer)
{
	return takes(peer) ? peer_stream__due(&peer->records.stream, peer->link.rtt_us)
			   : UINT64_MAX;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A copy that is not refreshed is past its time after `idle`, and its slot's default after `hold`. */
static uint32_t period_s(const struct agent *a)
{
	uint32_t period = REFRESH_S;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (s->config)
			period =
				least(period, least(s->config->idle_ms, s->config->hold_ms) / 4000);
	}
	return period;
}

/* Records that found no room in the ring: the peers get all of them anew. */
static void look_for_losses(struct peers *p)
{
	uint64_t untold = p->agent->notes[FL_N_UNTOLD].last.packets;

	if (untold != p->records.untold) {
		for (size_t i = 0; i < p->n; i++)
			peer_stream__miss(&p->list[i].records.stream);
	}
	p->records.untold = untold;
}

static bool is_due(const struct peers *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n; i++) {
		if (!takes(&p->list[i]) || is_stuck(&p->list[i]))
			continue;
		if (!p->list[i].records.stream.ours.told)
			return true;
		any = true;
	}
	return any && agent__coarse_s() - p->records.last_began_s >= period_s(p->agent);
}

void peer_records__tick(struct peers *p)
{
	look_for_losses(p);
	if (is_due(p))
		begin_list(p);
	peer_records__turn(p);
	peers__schedule(p);
}

void peer_records__flush(struct peers *p)
{
	struct peer_records *r = &p->records;

	if (!r->left)
		return;
	r->left = moves__pin_all(p->agent);
	if (r->left)
		agent__wake_in(p->agent, PAUSE_MS);
}

void peer_records__open(struct peers *p)
{
	struct peer_records *r = &p->records;
	struct err err;

	uv_timer_init(&p->agent->loop, &r->pause);
	r->pause.data = r->poll.data = p;
	if (plane__ring_open(p->agent->plane, PLANE_TOLD, tell_made, p, &r->ring, &err)) {
		log_error("%s; peers are told of new records every %d s only", err.text, REFRESH_S);
		return;
	}
	if (uv_poll_init(&p->agent->loop, &r->poll, plane__ring_fd(r->ring))) {
		plane__ring_close(r->ring);
		r->ring = NULL;
		return;
	}
	uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

void peer_records__close(struct peers *p, uv_close_cb closed)
{
	struct peer_records *r = &p->records;

	uv_close((uv_handle_t *)&r->pause, closed);
	if (r->ring)
		uv_close((uv_handle_t *)&r->poll, closed);
}

void peer_records__free(struct peers *p)
{
	plane__ring_close(p->records.ring);
	peer_names__free(&p->records.names);
	drop_list(&p->records);
}

/* --- what is shown -------------------------------------------------------------------------------- */

bool peer_records__in_sync(const struct peer *peer)
{
	return !takes(peer) || (peer->records.stream.theirs.told && !peer->peers->records.left);
}

static json_t *whole_json(const struct peer_whole *w)
{
	uint32_t percent = w->told ? 100 : w->of ? (uint32_t)(99ull * w->done / w->of) : 0;

	return json_pack("{s:b, s:I, s:I, s:I}", "complete", w->told, "records",
			 (json_int_t)w->done, "of", (json_int_t)w->of, "percent",
			 (json_int_t)percent);
}

json_t *peer_records__json(const struct peer *peer)
{
	const struct peer_exchange *e = &peer->records;
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "exchanged",
			      peer_facts__records(peer->link.copy), "told",
			      (json_int_t)e->stream.n_told, "heard", (json_int_t)e->stream.n_heard,
			      "taken", (json_int_t)e->n_taken, "unknown", (json_int_t)e->n_unknown,
			      "clashes", (json_int_t)e->n_clashes, "full", (json_int_t)e->n_full,
			      "lag", (json_int_t)peer_stream__lag(&e->stream));

	json_object_set_new(o, "ours", whole_json(&e->stream.ours));
	json_object_set_new(o, "theirs", whole_json(&e->stream.theirs));
	return o;
}
