/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accord_view.c - an accord as it is seen from outside: compared, told, asked about. */
#include <string.h>

#include "peer/accord.h"

int accord_epoch__compare(const struct accord_epoch *a, const struct accord_epoch *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return memcmp(a->by, b->by, sizeof(a->by));
}

int accord_point__compare(const struct accord_point *a, const struct accord_point *b)
{
	int order = accord_epoch__compare(&a->epoch, &b->epoch);

	return order ? order : memcmp(a->text.digest, b->text.digest, sizeof(a->text.digest));
}

bool accord_text__equal(const struct accord_text *a, const struct accord_text *b)
{
	return a->len == b->len && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

bool accord__is_busy(const struct accord *a)
{
	return a->course != ACCORD_REST;
}

void accord__retry(struct accord *a)
{
	a->retry_us = 0;
}

const struct accord_epoch *accord__bound_by(const struct accord *a)
{
	const struct accord_record *r = &a->record;

	if (a->course != ACCORD_REST)
		return &a->mine.epoch;
	if (r->next.epoch.number)
		return &r->next.epoch;
	if (a->job.kind != ACCORD_IDLE)
		return &a->job.point.epoch;
	return r->decided.epoch.number && !r->in_force && !a->trouble[0] ? &r->decided.epoch : NULL;
}

void accord__tell(const struct accord *a, struct accord_told *out)
{
	const struct accord_record *r = &a->record;
	bool asks = (a->course == ACCORD_ASKING || a->course == ACCORD_DECIDING) && !a->failed;

	memset(out, 0, sizeof(*out));
	out->decided = r->decided;
	if (r->decided.epoch.number)
		out->state = !r->in_force ? ACCORD_DECIDED
			     : a->left	  ? ACCORD_LEFT
					  : ACCORD_IN_FORCE;
	if (asks)
		out->proposal = r->next;
	if (r->next.epoch.number && memcmp(r->next.epoch.by, a->me, sizeof(a->me)) != 0) {
		out->answered = r->next.epoch;
		out->answer = ACCORD_YES;
	} else if (a->answered.number) {
		out->answered = a->answered;
		out->answer = ACCORD_NO;
		memcpy(out->why, a->why, sizeof(out->why));
	}
	memcpy(out->trouble, a->trouble, sizeof(out->trouble));
}

bool accord__is_behind(const struct accord *a)
{
	const struct accord_record *r = &a->record;

	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];
		int order = accord_point__compare(&p->told.decided, &r->decided);

		if (p->heard && p->known && p->told.state == ACCORD_IN_FORCE &&
		    (order > 0 || (order == 0 && !r->in_force)))
			return true;
	}
	return false;
}

bool accord__gives_way(const struct accord *a)
{
	return a->behind_us && (!a->was_level || a->now_us - a->behind_us >= ACCORD_GRACE_US);
}
