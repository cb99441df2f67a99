/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/accord.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct accord_epoch *a, const struct accord_epoch *b)
{
	return accord_epoch__compare(a, b) == 0;
}

static bool is_greater(const struct accord_epoch *a, const struct accord_epoch *b)
{
	return accord_epoch__compare(a, b) > 0;
}

static bool is_mine(const struct accord *a, const struct accord_epoch *e)
{
	return memcmp(a->me, e->by, sizeof(a->me)) == 0;
}

static void set_why(char to[ACCORD_WHY_LEN], const char *text)
{
	snprintf(to, ACCORD_WHY_LEN, "%s", text);
}

void accord__begin(struct accord *a, uint64_t now_us, const uint8_t me[ACCORD_BY],
		   const struct accord_record *record)
{
	memset(a, 0, sizeof(*a));
	a->held_us = now_us;
	memcpy(a->me, me, sizeof(a->me));
	if (record)
		a->record = *record;
}

/* --- what peers tell ------------------------------------------------------------------------------ */

/* Has decided, and goes by it. */
static bool stands_by(const struct accord_told *t)
{
	return t->decided.epoch.number &&
	       (t->state == ACCORD_DECIDED || t->state == ACCORD_IN_FORCE);
}

/* The peer with the greatest decision, of those that are heard; a->n: there is none above this machine's. */
static size_t find_decision(const struct accord *a)
{
	const struct accord_point *best = &a->record.decided;
	size_t found = a->n;

	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];

		if (p->heard && p->known && stands_by(&p->told) &&
		    accord_point__compare(&p->told.decided, best) > 0) {
			best = &p->told.decided;
			found = i;
		}
	}
	return found;
}

/* The greatest proposal likewise, above what is decided. */
static size_t find_proposal(const struct accord *a)
{
	const struct accord_epoch *best = &a->record.decided.epoch;
	size_t found = a->n;

	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];

		if (p->heard && p->known && is_greater(&p->told.proposal.epoch, best)) {
			best = &p->told.proposal.epoch;
			found = i;
		}
	}
	return found;
}

static bool has_said(const struct accord_peer *p, const struct accord_epoch *e,
		     enum accord_answer answer)
{
	return p->known && p->told.answer == answer && is_same(&p->told.answered, e);
}

static bool has_taken(const struct accord_peer *p, const struct accord_epoch *e)
{
	return p->known && p->told.state != ACCORD_NONE &&
	       accord_epoch__compare(&p->told.decided.epoch, e) >= 0;
}

/* --- an own proposal ------------------------------------------------------------------------------ */

static uint64_t greatest_number(const struct accord *a)
{
	uint64_t n = a->record.last;

	n = a->record.decided.epoch.number > n ? a->record.decided.epoch.number : n;
	for (size_t i = 0; i < a->n; i++) {
		const struct accord_told *t = &a->peers[i].told;

		if (!a->peers[i].known)
			continue;
		n = t->decided.epoch.number > n ? t->decided.epoch.number : n;
		n = t->proposal.epoch.number > n ? t->proposal.epoch.number : n;
	}
	return n;
}

bool accord__propose(struct accord *a, uint64_t now_us, const struct accord_text *text)
{
	if (find_decision(a) < a->n) {
		set_why(a->verdict,
			"a peer has a later epoch in force, which this machine lacks: try again "
			"when it has caught up");
		return false;
	}
	if (find_proposal(a) < a->n || accord__bound_by(a)) {
		set_why(a->verdict, "another configuration is being applied on all peers: try "
				    "again when that is over");
		return false;
	}
	a->verdict[0] = '\0';
	a->failed = a->refused = false;
	a->course = ACCORD_OPENING;
	a->since_us = now_us;
	a->mine = (struct accord_point){.epoch.number = greatest_number(a) + 1, .text = *text};
	memcpy(a->mine.epoch.by, a->me, sizeof(a->me));
	return true;
}

/* It ends without a decision; what is prepared goes with the next job. */
static void give_up(struct accord *a, const char *why)
{
	if (!a->verdict[0])
		set_why(a->verdict, why);
	a->failed = true;
}

enum outlook { WAIT, GO, STOP };

/* Whether the peers that matter have all said yes by now. */
static enum outlook look(struct accord *a, uint64_t now_us)
{
	bool late = now_us - a->since_us >= ACCORD_PREPARE_US, waits = false;
	size_t rival = find_proposal(a);

	if (find_decision(a) < a->n) {
		give_up(a, "a peer has decided on another configuration meanwhile");
		return STOP;
	}
	if (rival < a->n && is_greater(&a->peers[rival].told.proposal.epoch, &a->mine.epoch)) {
		give_up(a,
			"another configuration was to be applied on all peers at the same moment, "
			"at another machine, and that one goes first: try again");
		return STOP;
	}
	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];
		bool bound = p->heard && p->known && p->told.answer == ACCORD_YES &&
			     !is_same(&p->told.answered, &a->mine.epoch);

		if (has_said(p, &a->mine.epoch, ACCORD_YES))
			continue;
		if (has_said(p, &a->mine.epoch, ACCORD_NO) || (bound && late))
			a->refused = true;
		else if (!late && (p->heard || p->expected))
			waits = true;
	}
	if (a->refused && !waits)
		give_up(a, "not every peer could apply it");
	return waits ? WAIT : a->refused ? STOP : GO;
}

/* Whether all that said yes, and are heard, have it. */
static bool has_spread(const struct accord *a, uint64_t now_us)
{
	if (!is_same(&a->record.decided.epoch, &a->mine.epoch))
		return true;
	if (!a->record.in_force && !a->trouble[0])
		return false;
	if (now_us - a->since_us >= ACCORD_COMMIT_US)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];
		bool done = has_taken(p, &a->mine.epoch) &&
			    (p->told.state != ACCORD_DECIDED || p->told.trouble[0]);

		if (p->heard && !done &&
		    (has_said(p, &a->mine.epoch, ACCORD_YES) || has_taken(p, &a->mine.epoch)))
			return false;
	}
	return true;
}

/* --- the next job --------------------------------------------------------------------------------- */

static bool start(struct accord *a, struct accord_job *out, const struct accord_job *job)
{
	a->job = *job;
	*out = *job;
	return true;
}

static bool drop(struct accord *a, struct accord_job *out)
{
	struct accord_job job = {.kind = ACCORD_WRITE, .from = ACCORD_PEERS, .record = a->record};

	memset(&job.record.next, 0, sizeof(job.record.next));
	return start(a, out, &job);
}

static bool decide(struct accord *a, struct accord_job *out)
{
	struct accord_job job = {
		.kind = ACCORD_WRITE,
		.from = ACCORD_PEERS,
		.point = a->record.next,
		.record = a->record,
	};

	job.record.decided = a->record.next;
	job.record.in_force = false;
	memset(&job.record.next, 0, sizeof(job.record.next));
	return start(a, out, &job);
}

static bool take(struct accord *a, size_t from, struct accord_job *out)
{
	const struct accord_point *point = &a->peers[from].told.decided;
	struct accord_job job = {
		.kind = ACCORD_TAKE, .point = *point, .from = from, .record = a->record};

	job.record.decided = *point;
	job.record.in_force = false;
	/* Who proposed that one will see that it comes too late; it may be this machine. */
	memset(&job.record.next, 0, sizeof(job.record.next));
	return start(a, out, &job);
}

static bool prepare(struct accord *a, size_t from, const struct accord_point *point,
		    struct accord_job *out)
{
	struct accord_job job = {
		.kind = ACCORD_PREPARE, .point = *point, .from = from, .record = a->record};

	job.record.next = *point;
	if (job.record.last < point->epoch.number)
		job.record.last = point->epoch.number;
	return start(a, out, &job);
}

static bool apply(struct accord *a, struct accord_job *out)
{
	struct accord_job job = {
		.kind = ACCORD_APPLY,
		.from = ACCORD_PEERS,
		.point = a->record.decided,
		.record = a->record,
	};

	job.record.in_force = true;
	return start(a, out, &job);
}

/* Whether what this machine has said yes to is no longer asked, or nobody says so for too long. */
static bool is_over(const struct accord *a, uint64_t now_us)
{
	const struct accord_epoch *e = &a->record.next.epoch;

	/* An own one of before a start was not decided: it would not be there. */
	if (is_mine(a, e) || !is_greater(e, &a->record.decided.epoch) ||
	    now_us - a->held_us >= ACCORD_HOLD_US)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		const struct accord_peer *p = &a->peers[i];

		if (p->heard && p->known && memcmp(p->by, e->by, sizeof(e->by)) == 0 &&
		    !is_same(&p->told.proposal.epoch, e) && is_greater(e, &p->told.decided.epoch))
			return true;
	}
	return false;
}

/* A proposal is there while this machine has its own, or what it can't leave: the greatest one is told so. */
static void answer_no(struct accord *a, size_t from, const char *why)
{
	a->answered = a->peers[from].told.proposal.epoch;
	set_why(a->why, why);
}

/* Of an own proposal; false: others may have their turn. */
static bool go_on(struct accord *a, uint64_t now_us, struct accord_job *out, bool *any)
{
	size_t rival;

	*any = false;
	if (a->course == ACCORD_SPREADING && has_spread(a, now_us))
		a->course = ACCORD_REST;
	if (a->course == ACCORD_REST || a->course == ACCORD_SPREADING)
		return false;
	rival = find_proposal(a);
	if (rival < a->n && is_greater(&a->mine.epoch, &a->peers[rival].told.proposal.epoch))
		answer_no(a, rival,
			  "it was itself to apply another configuration on all peers at the same "
			  "moment, and that one goes first");
	if (a->course == ACCORD_OPENING)
		return *any = prepare(a, ACCORD_PEERS, &a->mine, out);
	switch (a->failed ? STOP : look(a, now_us)) {
	case WAIT:
		break;
	case STOP:
		*any = drop(a, out);
		break;
	case GO:
		a->course = ACCORD_DECIDING;
		*any = decide(a, out);
		break;
	}
	return true;
}

static bool is_due(const struct accord *a, uint64_t now_us)
{
	return now_us >= a->retry_us;
}

static bool follow(struct accord *a, uint64_t now_us, struct accord_job *out)
{
	const struct accord_record *r = &a->record;
	bool pending = r->decided.epoch.number && !r->in_force;
	size_t i = find_decision(a);

	if (i < a->n && is_due(a, now_us)) {
		const struct accord_point *point = &a->peers[i].told.decided;

		return is_same(&r->next.epoch, &point->epoch) &&
				       accord_text__equal(&r->next.text, &point->text)
			       ? decide(a, out)
			       : take(a, i, out);
	}
	if (pending && is_due(a, now_us))
		return apply(a, out);
	if (r->next.epoch.number && is_over(a, now_us))
		return drop(a, out);
	i = find_proposal(a);
	/* With a trouble: the next one may be what mends it. */
	if (i == a->n || r->next.epoch.number || (pending && !a->trouble[0]) ||
	    is_same(&a->answered, &a->peers[i].told.proposal.epoch))
		return false;
	return prepare(a, i, &a->peers[i].told.proposal, out);
}

static void note_level(struct accord *a)
{
	if (!accord__is_behind(a)) {
		a->behind_us = 0;
		for (size_t i = 0; i < a->n; i++)
			a->was_level |= a->peers[i].heard && a->peers[i].known;
	} else if (!a->behind_us) {
		a->behind_us = a->now_us ? a->now_us : 1;
	}
}

bool accord__next(struct accord *a, uint64_t now_us, struct accord_job *out)
{
	bool any;

	a->now_us = now_us;
	note_level(a);
	if (a->job.kind != ACCORD_IDLE)
		return false;
	if (go_on(a, now_us, out, &any))
		return any;
	return follow(a, now_us, out);
}

/* --- how it ended --------------------------------------------------------------------------------- */

static void prepared(struct accord *a, uint64_t now_us, const struct accord_job *job,
		     const char *failure)
{
	bool own = is_mine(a, &job->point.epoch);

	if (!*failure) {
		a->record = job->record;
		a->held_us = now_us;
	}
	if (own && *failure) {
		set_why(a->verdict, failure);
		a->course = ACCORD_REST;
	} else if (own) {
		a->course = ACCORD_ASKING;
		a->since_us = now_us;
	} else if (*failure) {
		a->answered = job->point.epoch;
		set_why(a->why, failure);
	}
}

/* The record alone: what was prepared is dropped, or decided. */
static void written(struct accord *a, uint64_t now_us, const struct accord_job *job,
		    const char *failure)
{
	bool decides = job->point.epoch.number != 0;

	if (decides && *failure && a->course == ACCORD_DECIDING) {
		a->course = ACCORD_ASKING;
		give_up(a, failure);
		return;
	}
	if (decides && *failure) {
		a->retry_us = now_us + ACCORD_RETRY_US;
		return;
	}
	if (!decides && !is_mine(a, &a->record.next.epoch)) {
		a->answered = a->record.next.epoch;
		set_why(a->why, "it has given up waiting for what becomes of it");
	}
	/* What could not be dropped on the disk is found by the next agent, and dropped by it. */
	a->record = job->record;
	if (a->course == ACCORD_DECIDING) {
		a->course = ACCORD_SPREADING;
		a->since_us = now_us;
	} else if (a->course == ACCORD_ASKING) {
		a->course = ACCORD_REST;
	}
	a->trouble[0] = '\0';
}

void accord__done(struct accord *a, uint64_t now_us, const char *failure)
{
	const struct accord_job job = a->job;

	a->now_us = now_us;
	a->job.kind = ACCORD_IDLE;
	switch (job.kind) {
	case ACCORD_IDLE:
		break;
	case ACCORD_PREPARE:
		prepared(a, now_us, &job, failure);
		break;
	case ACCORD_WRITE:
		written(a, now_us, &job, failure);
		break;
	case ACCORD_TAKE:
	case ACCORD_APPLY:
		set_why(a->trouble, failure);
		if (*failure)
			a->retry_us = now_us + ACCORD_RETRY_US;
		else
			a->record = job.record;
		if (!*failure && job.kind == ACCORD_APPLY)
			a->left = false;
		break;
	}
	note_level(a);
}
