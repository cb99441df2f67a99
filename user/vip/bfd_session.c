/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/bfd_session.h"

#define US 1000 /* ns */
#define WHOLE 65536U /* of an interval; its parts are jitter */

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* xorshift64: jitter needs no better. */
static uint64_t draw(struct bfd_session *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

uint64_t bfd_session__interval_ns(const struct bfd_session *s)
{
	if (!s->remote_rx_us)
		return 0;
	return (uint64_t)max32(s->tx_us, s->remote_rx_us) * US;
}

uint64_t bfd_session__detection_ns(const struct bfd_session *s)
{
	return (uint64_t)s->remote_mult * max32(s->rx_us, s->remote_tx_us) * US;
}

/*
 * RFC 5880 6.8.7: each interval is shorter by up to 25 %, so that systems do not fall into step; and
 * with a multiplier of 1 by at least 10 %, so that one packet always comes in time.
 */
static uint32_t draw_part(struct bfd_session *s)
{
	uint32_t least = WHOLE / 4 * 3, most = s->wanted.mult == 1 ? WHOLE / 10 * 9 : WHOLE;

	return least + (uint32_t)(draw(s) % (most - least + 1));
}

/* The next periodic packet: a new interval counts from the last one, too (6.8.3). */
static uint64_t next_ns(const struct bfd_session *s)
{
	return s->sent_ns + bfd_session__interval_ns(s) * s->part / WHOLE;
}

/* No periodic packets: the peer wants none at all (6.8.7), or none unless it or we ask (6.6). */
static bool silent(const struct bfd_session *s)
{
	bool both_up = s->state == BFD_UP && s->remote_state == BFD_UP;

	return !s->remote_rx_us || (s->remote_demand && both_up && !s->poll);
}

/* Tells the peer of new times; a Poll that is under way may be answered without having told them. */
static void begin_poll(struct bfd_session *s)
{
	if (s->poll)
		s->poll_again = true;
	s->poll = true;
	s->urgent = true;
}

/*
 * Brings what is told and what is in force to what the configuration wants in this state. While UP a
 * longer interval to send by, and a shorter one to expect, wait for the peer's answer.
 */
static void settle_times(struct bfd_session *s, bool answered)
{
	bool now = answered || s->state != BFD_UP;

	if (now || s->min_tx_us < s->tx_us)
		s->tx_us = s->min_tx_us;
	if (now || s->wanted.min_rx_us > s->rx_us)
		s->rx_us = s->wanted.min_rx_us;
}

static uint32_t tx_to_tell(const struct bfd_session *s)
{
	return s->state == BFD_UP ? s->wanted.min_tx_us : max32(s->wanted.min_tx_us, BFD_SLOW_US);
}

static void change_state(struct bfd_session *s, enum bfd_state to, uint8_t diag, uint64_t now_ns)
{
	if (s->state == BFD_UP) {
		s->downs++;
		s->down_diag = diag;
	}
	if (to == BFD_UP)
		s->ups++;
	s->state = to;
	s->diag = diag;
	s->since_ns = now_ns;
	s->urgent = true;
	if (tx_to_tell(s) != s->min_tx_us) {
		s->min_tx_us = tx_to_tell(s);
		begin_poll(s);
	}
	settle_times(s, false);
}

void bfd_session__init(struct bfd_session *s, const struct bfd_times *wanted,
		       uint32_t discriminator, uint64_t seed, uint64_t now_ns)
{
	*s = (struct bfd_session){
		.wanted = *wanted,
		.state = BFD_DOWN,
		.remote_state = BFD_DOWN,
		.mine = discriminator,
		.remote_rx_us = 1, /* RFC 5880 6.8.1 */
		.since_ns = now_ns,
		.random = seed ? seed : 1,
	};
	s->min_tx_us = s->tx_us = tx_to_tell(s);
	s->rx_us = wanted->min_rx_us;
}

/* RFC 5880 6.8.6, the state machine. */
static void follow(struct bfd_session *s, enum bfd_state theirs, uint64_t now_ns)
{
	if (theirs == BFD_ADMIN_DOWN) {
		if (s->state != BFD_DOWN)
			change_state(s, BFD_DOWN, BFD_DIAG_NEIGHBOR, now_ns);
		return;
	}
	if ((s->state == BFD_DOWN && theirs == BFD_INIT) ||
	    (s->state == BFD_INIT && theirs != BFD_DOWN))
		change_state(s, BFD_UP, BFD_DIAG_NONE, now_ns);
	else if (s->state == BFD_DOWN && theirs == BFD_DOWN)
		change_state(s, BFD_INIT, BFD_DIAG_NONE, now_ns);
	else if (s->state == BFD_UP && theirs == BFD_DOWN)
		change_state(s, BFD_DOWN, BFD_DIAG_NEIGHBOR, now_ns);
}

static void end_poll(struct bfd_session *s)
{
	bool again = s->poll_again;

	s->poll = s->poll_again = false;
	if (again)
		begin_poll(s);
	else
		settle_times(s, true);
}

void bfd_session__receive(struct bfd_session *s, const struct bfd_packet *p, uint64_t now_ns)
{
	s->yours = p->mine;
	s->remote_state = p->state;
	s->remote_diag = p->diag;
	s->remote_demand = p->demand;
	s->remote_rx_us = p->min_rx_us;
	s->remote_tx_us = p->min_tx_us;
	s->remote_mult = p->mult;
	if (s->poll && p->final)
		end_poll(s);
	if (s->state != BFD_ADMIN_DOWN) {
		follow(s, p->state, now_ns);
		s->final |= p->poll;
		s->waited = false;
		s->heard_ns = now_ns;
	}
}

/* When the detection time is over; UINT64_MAX: nobody is waited for. */
static uint64_t expires_ns(const struct bfd_session *s)
{
	return s->heard_ns ? s->heard_ns + bfd_session__detection_ns(s) : UINT64_MAX;
}

void bfd_session__tick(struct bfd_session *s, uint64_t now_ns)
{
	uint64_t interval = s->remote_mult ? bfd_session__detection_ns(s) / s->remote_mult : 0;

	if (now_ns < expires_ns(s))
		return;
	if (!s->waited && now_ns - expires_ns(s) > interval / 4) {
		s->waited = true;
		s->heard_ns = now_ns + interval - bfd_session__detection_ns(s);
		return;
	}
	s->waited = false;
	s->heard_ns = 0;
	s->yours = 0; /* RFC 5880 6.8.1; and nothing that it said holds any more */
	s->remote_state = BFD_DOWN;
	s->remote_tx_us = 0;
	s->remote_rx_us = 1;
	s->remote_mult = 0;
	if (s->state == BFD_INIT || s->state == BFD_UP)
		change_state(s, BFD_DOWN, BFD_DIAG_EXPIRED, now_ns);
}

void bfd_session__configure(struct bfd_session *s, const struct bfd_times *wanted)
{
	bool rx_changes = wanted->min_rx_us != s->wanted.min_rx_us;

	if (wanted->mult != s->wanted.mult)
		s->urgent = true;
	s->wanted = *wanted;
	if (rx_changes || tx_to_tell(s) != s->min_tx_us) {
		s->min_tx_us = tx_to_tell(s);
		begin_poll(s);
	}
	settle_times(s, false);
}

void bfd_session__admin_down(struct bfd_session *s, uint64_t now_ns)
{
	if (s->state != BFD_ADMIN_DOWN)
		change_state(s, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN, now_ns);
}

static struct bfd_packet packet(const struct bfd_session *s)
{
	return (struct bfd_packet){
		.state = s->state,
		.diag = s->diag,
		.mult = s->wanted.mult,
		.mine = s->mine,
		.yours = s->yours,
		.min_tx_us = s->min_tx_us,
		.min_rx_us = s->wanted.min_rx_us,
	};
}

bool bfd_session__send(struct bfd_session *s, uint64_t now_ns, struct bfd_packet *out)
{
	bool due = !silent(s) && (s->urgent || now_ns >= next_ns(s));

	/* An answer goes out whatever the timer says, and never asks itself (6.5). */
	if (!s->final && !due)
		return false;
	*out = packet(s);
	out->final = s->final;
	out->poll = s->poll && !s->final;
	if (due) {
		s->sent_ns = now_ns;
		s->part = draw_part(s);
	}
	s->urgent = s->final = false;
	return true;
}

uint64_t bfd_session__due(const struct bfd_session *s)
{
	uint64_t expires = expires_ns(s), next = silent(s) ? UINT64_MAX : next_ns(s);

	if (s->final || (s->urgent && !silent(s)))
		return 0;
	return expires < next ? expires : next;
}
