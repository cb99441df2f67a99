/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge.h"

#include <string.h>

#include "judge_send.h"
#include "scene.h"
#include "wire.h"

enum actions { PASS, DROP, SEND };

static const uint8_t action_of[FL_VERDICTS] = {
#define FL_VERDICT(name, action, text) action,
#include "fairlead/reasons.def"
};

/* A row of counters, and how it stood before the packet. */
struct row {
	const char *map;
	uint32_t n;
	const struct fl_count *now[SCENE_SERVICES];
	struct fl_count before[SCENE_SERVICES];
};

static struct row by_verdict = {.map = "verdicts", .n = FL_VERDICTS};
static struct row by_service = {.map = "svc_stats", .n = SCENE_SERVICES};
static struct row by_backend = {.map = "be_stats", .n = SCENE_BACKENDS};
static struct row by_note = {.map = "notes", .n = FL_NOTES};

_Static_assert(FL_VERDICTS <= SCENE_SERVICES && SCENE_BACKENDS <= SCENE_SERVICES, "rows");

static void begin_row(struct row *row)
{
	memset(row->before, 0, sizeof(row->before));
	for (uint32_t i = 0; i < row->n && !row->now[row->n - 1]; i++)
		row->now[i] = scene__count(row->map, i);
}

void judge__begin(void)
{
	begin_row(&by_verdict);
	begin_row(&by_service);
	begin_row(&by_backend);
	begin_row(&by_note);
}

/* The counter that this packet moved, by one packet and its bytes; -1: none. */
static int moved(const struct judged *j, struct row *row)
{
	int which = -1;

	for (uint32_t i = 0; i < row->n; i++) {
		struct fl_count *before = &row->before[i];
		const struct fl_count *now = row->now[i];

		if (now->packets == before->packets && now->bytes == before->bytes)
			continue;
		judge_that(j, which < 0, "two counters of one kind moved");
		judge_that(j, now->packets == before->packets + 1,
			   "a counter moved by more than a packet");
		judge_that(j, now->bytes == before->bytes + j->in_len,
			   "a counter's bytes are not the frame's");
		*before = *now;
		which = (int)i;
	}
	return which;
}

/* Is the verdict one about a packet that may be for a service? */
static bool may_be_of_service(int v)
{
	switch (v) {
	case FL_V_PASS_NOT_IP:
	case FL_V_PASS_NOT_SERVICE:
	case FL_V_PASS_MALFORMED:
	case FL_V_PASS_GROUP:
	case FL_V_PASS_OTHER_HOST:
	case FL_V_PASS_SELF:
	case FL_V_PASS_FRAGMENT:
	case FL_V_PASS_LOCAL:
	case FL_V_PASS_TOO_BIG:
	case FL_V_DROP_FRAGMENT:
	case FL_V_SEND_REPLY:
	case FL_V_SEND_ECHO:
		return false;
	default:
		return true;
	}
}

static bool to_backend(int v)
{
	return v == FL_V_SEND_L2 || v == FL_V_SEND_IPIP || v == FL_V_SEND_GUE ||
	       v == FL_V_SEND_NAT || v == FL_V_SEND_FULLNAT;
}

static void unchanged(const struct judged *j)
{
	judge_that(j, j->out_len == j->in_len && !memcmp(j->in, j->out, j->in_len),
		   "a frame that was passed is not as it came");
}

static void judge_action(const struct judged *j, int v)
{
	switch (action_of[v]) {
	case PASS:
		judge_that(j, j->action == XDP_PASS, "a PASS verdict, another action");
		unchanged(j);
		break;
	case DROP:
		judge_that(j, j->action == XDP_DROP, "a DROP verdict, another action");
		break;
	default:
		judge_that(j, j->action == XDP_TX || j->action == XDP_REDIRECT,
			   "a SEND verdict, another action");
	}
	if (j->action == XDP_REDIRECT)
		judge_that(j, scene__is_tx_port(j->redirect_to) && j->redirect_to != j->ingress,
			   "redirected to a port that is none");
}

static uint32_t seen[FL_VERDICTS], noted[FL_NOTES];

static void see_notes(void)
{
	for (uint32_t i = 0; i < FL_NOTES; i++)
		noted[i] += by_note.now[i]->packets != 0;
}

const char *judge__missed(void)
{
	static const char *const verdicts[FL_VERDICTS] = {
#define FL_VERDICT(name, action, text) #name,
#include "fairlead/reasons.def"
	};
	static const char *const notes[FL_NOTES] = {
#define FL_NOTE(name, text) #name,
#include "fairlead/reasons.def"
	};

	for (int v = 0; v < FL_VERDICTS; v++)
		if (!seen[v] && v != FL_V_DROP_BUG)
			return verdicts[v];
	/* No input has 4096 old flows of one source. */
	for (int n = 0; n < FL_NOTES; n++)
		if (!noted[n] && n != FL_N_SOURCE_FULL)
			return notes[n];
	return judge__missed_passive();
}

void judge__lb(const struct judged *j)
{
	int v = moved(j, &by_verdict);
	int service = moved(j, &by_service), backend = moved(j, &by_backend);

	judge_that(j, v >= 0, "no verdict was counted");
	judge_that(j, v != FL_V_DROP_BUG || j->nat_off, "DROP_BUG, but the maps are right");
	judge_that(j, service <= 0 || may_be_of_service(v),
		   "counted for a service, though it is for none");
	judge_that(j, service != 0, "service 0 was counted");
	judge_that(j, to_backend(v) == (backend >= 0), "be_stats does not go with the verdict");
	judge_that(j, !to_backend(v) || service > 0, "sent to a backend, but of no service");
	judge_action(j, v);
	seen[v]++;
	see_notes();
	if (action_of[v] == SEND)
		judge__sent(j, v, backend);
}
