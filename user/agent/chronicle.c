/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/chronicle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/alerts.h"
#include "agent/chronicle_internal.h"
#include "core/log.h"

/* States told at once: the queue has to have room for what happens meanwhile. */
#define STATES_PER_TURN 8192
#define LOOKED_AT_PER_TURN 262144

/* --- words ------------------------------------------------------------------------------------------- */

/* member.told and service.told; 0: nothing was told yet. */
static const char *const words[] = {"",	    "unknown",	"up",	    "starting", "suspect",
				    "down", "draining", "disabled", "serving",	"not serving"};

enum { UNKNOWN = 1, SERVING = 8, NOT_SERVING = 9 };

static uint8_t find_word(const char *name)
{
	for (size_t i = 1; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], name) == 0)
			return (uint8_t)i;
	return UNKNOWN;
}

/* What an operator has taken out is out, well or not: that it is stopped then is what was meant. */
static uint8_t member_word(const struct member *m)
{
	if (m->health.admin == FL_ADMIN_DRAIN)
		return find_word("draining");
	return find_word(health__name(&m->health));
}

/* Nobody serves yet, and some have not been asked. */
static bool is_beginning(const struct service *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		const struct member *m = s->members[i];

		if (m->sub && m->health.state == FL_HEALTH_UNKNOWN && !m->health.streak)
			return true;
	}
	return false;
}

/* What `min_up_hold` holds back is not what clients were without. */
static bool serves(const struct service *s)
{
	return s->config && service__usable(s) >= s->config->min_up && !s->unserved;
}

static uint8_t service_word(const struct service *s)
{
	return serves(s) ? SERVING : is_beginning(s) ? UNKNOWN : NOT_SERVING;
}

/* --- telling ------------------------------------------------------------------------------------------ */

static void fill(struct journal_event *e, enum journal_kind kind, const struct service *s,
		 const struct member *m)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->uid = JOURNAL_NOBODY;
	if (s)
		journal__copy(e->service, sizeof(e->service), s->name);
	if (m)
		journal__copy(e->backend, sizeof(e->backend), member__id(m));
}

static void set_states(struct journal_event *e, const char *from, const char *to)
{
	journal__copy(e->from, sizeof(e->from), from ? from : "");
	journal__copy(e->to, sizeof(e->to), to ? to : "");
}

/* To the journal, and to those who want to hear of it. */
static void pass_on(const struct agent *a, const struct journal_event *e)
{
	journal__tell(a->chronicle->journal, e);
	alerts__event(a, e);
}

void chronicle__tell(const struct agent *a, enum journal_kind kind, const char *subject,
		     const char *from, const char *to, uint32_t uid, const char *fmt, ...)
{
	struct journal_event e;
	char text[ERR_LEN];
	va_list ap;

	if (!a->chronicle)
		return;
	fill(&e, kind, NULL, NULL);
	e.uid = uid;
	journal__copy(e.subject, sizeof(e.subject), subject ? subject : "");
	set_states(&e, from, to);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	journal__copy(e.detail, sizeof(e.detail), text);
	pass_on(a, &e);
}

void chronicle__tell_service(const struct service *s, enum journal_kind kind, const char *subject,
			     const char *to, const char *why)
{
	struct journal_event e;

	if (!s->agent->chronicle)
		return;
	fill(&e, kind, s, NULL);
	journal__copy(e.subject, sizeof(e.subject), subject);
	set_states(&e, NULL, to);
	journal__copy(e.detail, sizeof(e.detail), why);
	pass_on(s->agent, &e);
}

/* A member that is no longer the configuration's, or not yet: it has no state to be told. */
static bool counts(const struct member *m)
{
	return m->service->agent->chronicle && m->service->config && !m->retired;
}

static void tell_member(struct member *m, enum journal_kind kind, uint8_t word, const char *why)
{
	struct journal_event e;

	fill(&e, kind, m->service, m);
	set_states(&e, kind == JOURNAL_STATE ? "" : words[m->told], words[word]);
	journal__copy(e.detail, sizeof(e.detail), why);
	m->told = word;
	pass_on(m->service->agent, &e);
}

void chronicle__member(struct member *m, const char *why)
{
	if (counts(m))
		tell_member(m, JOURNAL_BACKEND, member_word(m), why);
}

void chronicle__said(struct member *m, const char *verb, uint32_t uid, const char *why)
{
	struct journal_event e;

	if (!counts(m))
		return;
	fill(&e, JOURNAL_OPERATOR, m->service, m);
	e.uid = uid;
	journal__copy(e.subject, sizeof(e.subject), verb);
	journal__copy(e.detail, sizeof(e.detail), why);
	pass_on(m->service->agent, &e);
	if (member_word(m) != m->told)
		tell_member(m, JOURNAL_BACKEND, member_word(m), why);
}

static void tell_service_state(struct service *s, enum journal_kind kind, uint8_t word)
{
	struct journal_event e;

	fill(&e, kind, s, NULL);
	set_states(&e, kind == JOURNAL_STATE ? "" : words[s->told], words[word]);
	if (word == NOT_SERVING)
		snprintf(e.detail, sizeof(e.detail),
			 "%u of %zu backends are up, min_up is %u, %u slots have none",
			 service__usable(s), s->n_members, s->config->min_up, s->unserved);
	s->told = word;
	pass_on(s->agent, &e);
}

void chronicle__service(struct service *s)
{
	uint8_t word;

	if (!s->agent->chronicle || !s->config)
		return;
	word = service_word(s);
	if (word != s->told)
		tell_service_state(s, JOURNAL_SERVICE, word);
}

static void tell_removed(const struct service *s, const struct member *m, uint8_t told)
{
	struct journal_event e;

	if (!told)
		return;
	fill(&e, m ? JOURNAL_BACKEND : JOURNAL_SERVICE, s, m);
	set_states(&e, words[told], "removed");
	snprintf(e.detail, sizeof(e.detail), "is no longer configured");
	pass_on(s->agent, &e);
}

void chronicle__left(struct member *m)
{
	if (counts(m))
		tell_removed(m->service, m, m->told);
}

void chronicle__dismissed(struct service *s)
{
	if (!s->agent->chronicle)
		return;
	for (size_t i = 0; i < s->n_members; i++)
		tell_removed(s, s->members[i], s->members[i]->told);
	tell_removed(s, NULL, s->told);
}

/* --- all states -------------------------------------------------------------------------------------- */

/* Of one service, from next_member on; false: there is no more room for now. */
static bool tell_states_of(struct chronicle *c, struct service *s, size_t *told, size_t *looked)
{
	if (!c->next_member && (c->anew || !s->told)) {
		tell_service_state(s, JOURNAL_STATE, service_word(s));
		(*told)++;
	}
	for (; c->next_member < s->n_members; c->next_member++) {
		struct member *m = s->members[c->next_member];

		if (*told >= STATES_PER_TURN || ++*looked > LOOKED_AT_PER_TURN)
			return false;
		if (m->told && !c->anew)
			continue;
		tell_member(m, JOURNAL_STATE, member_word(m), "");
		(*told)++;
	}
	return true;
}

static void tell_states(struct chronicle *c)
{
	struct journal_status status;
	size_t told = 0, looked = 0;

	if (c->next_id >= FL_MAX_SERVICES)
		return;
	journal__status(c->journal, &status);
	if (status.waiting > JOURNAL_QUEUE / 2)
		return;
	for (; c->next_id < FL_MAX_SERVICES; c->next_id++) {
		struct service *s = c->agent->by_id[c->next_id];

		if (s && s->config && !tell_states_of(c, s, &told, &looked))
			return;
		c->next_member = 0;
	}
	c->anew = false;
}

static void begin_states(struct chronicle *c, bool anew)
{
	c->next_id = 0;
	c->next_member = 0;
	c->anew |= anew;
	tell_states(c);
}

/* --- life --------------------------------------------------------------------------------------------- */

static void on_written(void *ctx)
{
	chronicle_ask__written(ctx);
}

static void on_opened(void *ctx)
{
	struct chronicle *c = ctx;

	log_info("the journal %s is open", c->path);
	chronicle_config__opened(c);
}

/* The journal has written its own word of a gap. */
static void on_resync(void *ctx)
{
	const struct chronicle *c = ctx;
	struct journal_event e;

	fill(&e, JOURNAL_GAP, NULL, NULL);
	snprintf(e.detail, sizeof(e.detail),
		 "the journal could not be written, and has lost events");
	alerts__event(c->agent, &e);
	begin_states(ctx, true);
}

static struct store_limits limits_of(const struct config *c)
{
	return (struct store_limits){
		.rows = c->journal_rows,
		.bytes = (uint64_t)c->journal_mib << 20,
		.days = c->journal_days,
	};
}

int chronicle__start(struct agent *a, const struct config *c, struct err *err)
{
	static const struct journal_calls calls = {on_written, on_opened, on_resync};
	struct store_limits limits = limits_of(c);
	struct chronicle *chronicle;
	int rc;

	if (!c->journal)
		return 0;
	chronicle = calloc(1, sizeof(*chronicle));
	if (!chronicle)
		return err__set(err, -ENOMEM, "out of memory");
	a->chronicle = chronicle;
	chronicle->agent = a;
	chronicle->next_id = FL_MAX_SERVICES;
	TAILQ_INIT(&chronicle->parked);
	LIST_INIT(&chronicle->timelines);
	chronicle->path = strdup(c->journal_path);
	rc = journal__start(&a->loop, c->journal_path, &limits, &calls, chronicle,
			    &chronicle->journal, err);
	if (!rc)
		chronicle__tell(a, JOURNAL_AGENT, NULL, NULL, "started", JOURNAL_NOBODY,
				"fairleadd %s begins", FAIRLEAD_VERSION);
	return rc;
}

void chronicle__configured(struct agent *a)
{
	struct store_limits limits = limits_of(a->config);

	if (!a->chronicle)
		return;
	journal__limit(a->chronicle->journal, &limits);
	begin_states(a->chronicle, false);
}

void chronicle__tick(struct agent *a)
{
	if (!a->chronicle)
		return;
	tell_states(a->chronicle);
	chronicle_ask__tick(a->chronicle);
	chronicle_config__tick(a->chronicle);
}

void chronicle__stop(struct agent *a)
{
	struct chronicle *c = a->chronicle;

	if (!c)
		return;
	c->stopping = true;
	chronicle_ask__stop(c);
	if (!c->journal)
		return;
	chronicle__tell(a, JOURNAL_AGENT, NULL, "started", "stopped", JOURNAL_NOBODY,
			"fairleadd ends; the data plane stays");
	journal__stop(c->journal);
}

void chronicle__free(struct agent *a)
{
	if (!a->chronicle)
		return;
	journal__free(a->chronicle->journal);
	free(a->chronicle->path);
	free(a->chronicle);
	a->chronicle = NULL;
}

json_t *chronicle__json(const struct agent *a)
{
	struct journal_status s = {0};

	if (!a->chronicle)
		return json_null();
	journal__status(a->chronicle->journal, &s);
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "file", a->chronicle->path, "open",
			 s.open, "bytes", (json_int_t)s.bytes, "written", (json_int_t)s.written,
			 "waiting", (json_int_t)s.waiting, "dropped", (json_int_t)s.dropped,
			 "trouble", s.trouble.text);
}
