/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/quorum.h"

#include <stdio.h>

/* False: that is no vote. */
static bool count(struct quorum_ruling *r, uint8_t says)
{
	switch (says) {
	case FL_HEALTH_UP:
		r->up++;
		return true;
	case FL_HEALTH_SUSPECT:
		r->suspect++;
		return true;
	case FL_HEALTH_DOWN:
		r->down++;
		return true;
	default:
		return false;
	}
}

static enum fl_health best(const struct quorum_ruling *r)
{
	return r->up ? FL_HEALTH_UP : r->suspect ? FL_HEALTH_SUSPECT : FL_HEALTH_DOWN;
}

/* Of an even number the better one of the two in the middle. */
static enum fl_health median(const struct quorum_ruling *r, uint32_t votes)
{
	if (2 * r->up >= votes)
		return FL_HEALTH_UP;
	return 2 * (r->up + r->suspect) >= votes ? FL_HEALTH_SUSPECT : FL_HEALTH_DOWN;
}

/* No more than half of the votes are no worse than what was made of them. */
static bool is_tie(const struct quorum_ruling *r, uint32_t votes)
{
	uint32_t at_least = r->up + (r->state == FL_HEALTH_UP ? 0 : r->suspect) +
			    (r->state == FL_HEALTH_DOWN ? r->down : 0);

	return 2 * at_least == votes;
}

static void decide(struct quorum_ruling *r, enum config_quorum quorum, uint32_t votes)
{
	if (quorum == CONFIG_QUORUM_ANY) {
		r->state = best(r);
		r->why = QUORUM_ANY;
	} else {
		r->state = median(r, votes);
		r->why = is_tie(r, votes) ? QUORUM_TIE : QUORUM_MOST;
	}
	if (r->up == votes || r->suspect == votes || r->down == votes)
		r->why = QUORUM_AGREED;
}

struct quorum_ruling quorum__rule(enum config_quorum quorum, const struct health *h,
				  const struct quorum_vote *peers, size_t n)
{
	struct quorum_ruling r = {.state = h->state, .why = QUORUM_OWN};
	uint32_t votes = count(&r, health__says(h)), others = 0;

	for (size_t i = 0; i < n; i++)
		others += peers[i].heard && peers[i].same && count(&r, peers[i].says);
	votes += others;
	r.mute = (uint32_t)n - others;
	r.disputed = r.up && r.down;
	if (quorum == CONFIG_QUORUM_LOCAL)
		return r;
	if (others)
		decide(&r, quorum, votes);
	else
		r.why = QUORUM_ALONE;
	return r;
}

const char *quorum__votes(const struct quorum_ruling *r, char *buf)
{
	const struct {
		const char *name;
		uint32_t n;
	} kinds[] = {{"up", r->up}, {"suspect", r->suspect}, {"down", r->down}};
	int len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].n)
			len += snprintf(buf + len, (size_t)(QUORUM_TEXT_LEN - len), "%s%u %s",
					len ? ", " : "", kinds[i].n, kinds[i].name);
	}
	return len ? buf : "none";
}

const char *quorum__why(enum quorum_why why)
{
	static const char *const names[] = {
		[QUORUM_OWN] = "local", [QUORUM_ALONE] = "alone",   [QUORUM_AGREED] = "agreed",
		[QUORUM_ANY] = "any",	[QUORUM_MOST] = "majority", [QUORUM_TIE] = "tie",
	};

	return names[why];
}
