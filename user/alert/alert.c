/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/alert.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/template.h"
#include "probe/program.h"

#define TEXT_LEN 768
#define ENV_MAX (CONFIG_ALERT_FIELDS + 2)

/* --- what events mean ------------------------------------------------------------------------------- */

/* By kind and state; a state that is not here is news of severity info. */
static const struct {
	enum journal_kind kind;
	const char *to;
	enum alert_role role;
	enum config_severity severity;
} meanings[] = {
	{JOURNAL_BACKEND, "down", ALERT_TROUBLE, CONFIG_WARNING},
	{JOURNAL_BACKEND, "up", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_BACKEND, "starting", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_BACKEND, "draining", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_BACKEND, "disabled", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_BACKEND, "removed", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_SERVICE, "not serving", ALERT_TROUBLE, CONFIG_CRITICAL},
	{JOURNAL_SERVICE, "serving", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_SERVICE, "removed", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_PANIC, "panic", ALERT_TROUBLE, CONFIG_CRITICAL},
	{JOURNAL_PANIC, "over", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_VRRP, "active", ALERT_NEWS, CONFIG_WARNING},
	{JOURNAL_VRRP, "backup", ALERT_NEWS, CONFIG_WARNING},
	{JOURNAL_BFD, "down", ALERT_TROUBLE, CONFIG_WARNING},
	{JOURNAL_BFD, "up", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_ANYCAST, "withdrawn", ALERT_TROUBLE, CONFIG_CRITICAL},
	{JOURNAL_ANYCAST, "announced", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_PEER, "silent", ALERT_TROUBLE, CONFIG_WARNING},
	{JOURNAL_PEER, "up", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_CONFIG, "refused", ALERT_NEWS, CONFIG_WARNING},
	{JOURNAL_GAP, "", ALERT_NEWS, CONFIG_WARNING},
	{JOURNAL_ALERT, "fails", ALERT_TROUBLE, CONFIG_WARNING},
	{JOURNAL_ALERT, "delivers", ALERT_WELL, CONFIG_INFO},
	{JOURNAL_ALERT, "undelivered", ALERT_NEWS, CONFIG_WARNING},
};

enum journal_kind alert__kind(const struct journal_event *e)
{
	if (e->kind != JOURNAL_STATE)
		return e->kind;
	return e->backend[0] ? JOURNAL_BACKEND : JOURNAL_SERVICE;
}

struct alert_meaning alert__meaning(const struct journal_event *e)
{
	struct alert_meaning m = {ALERT_NEWS, CONFIG_INFO};
	enum journal_kind kind = alert__kind(e);

	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (meanings[i].kind != kind || strcmp(meanings[i].to, e->to) != 0)
			continue;
		m.role = meanings[i].role;
		m.severity = meanings[i].severity;
	}
	/* The first role of a group, when the agent begins, is no change of roles. */
	if (kind == JOURNAL_VRRP && strcmp(e->from, "initialize") == 0)
		m.severity = CONFIG_INFO;
	return m;
}

bool alert__concerns(const struct config_alert *a, const struct journal_event *e)
{
	enum journal_kind kind = alert__kind(e);

	if (!(a->kinds >> kind & 1) || (kind == JOURNAL_ALERT && !strcmp(e->subject, a->name)))
		return false;
	for (size_t i = 0; i < a->services.n; i++)
		if (strcmp(a->services.list[i], e->service) == 0)
			return true;
	return !a->services.n;
}

/* --- how they are written --------------------------------------------------------------------------- */

static const char *const statuses[] = {
	[ALERT_EVENT] = "event", [ALERT_FIRING] = "firing", [ALERT_RESOLVED] = "resolved",
	[ALERT_SUM] = "sum",	 [ALERT_TEST] = "test",
};

/* "backend b1 of service web", "vrrp web"; at least the kind. */
static void write_thing(const struct journal_event *e, char *buf, size_t size)
{
	if (e->backend[0])
		snprintf(buf, size, "backend %s of service %s", e->backend, e->service);
	else if (e->service[0])
		snprintf(buf, size, "service %s", e->service);
	else
		snprintf(buf, size, "%s%s%s", journal_kind__name(alert__kind(e)),
			 e->subject[0] ? " " : "", e->subject);
}

/* " is down", " drain", "". */
static void write_change(const struct journal_event *e, char *buf, size_t size)
{
	if (e->to[0])
		snprintf(buf, size, " is %s", e->to);
	else if (e->subject[0] && (e->backend[0] || e->service[0]))
		snprintf(buf, size, ": %s", e->subject);
	else
		buf[0] = '\0';
}

const char *alert__text(const struct alert *a, char *buf, size_t size)
{
	char thing[3 * JOURNAL_NAME_LEN], change[JOURNAL_NAME_LEN + 8], times[48] = "";
	const struct journal_event *e = &a->event;

	if (a->status == ALERT_SUM || a->status == ALERT_TEST) {
		snprintf(buf, size, "%s", e->detail);
		return buf;
	}
	write_thing(e, thing, sizeof(thing));
	write_change(e, change, sizeof(change));
	if (a->status == ALERT_RESOLVED && a->count > 1)
		snprintf(times, sizeof(times), " after %llu times", (unsigned long long)a->count);
	snprintf(buf, size, "%s%s%s%s%s", thing, change, times, e->detail[0] ? ": " : "",
		 e->detail);
	return buf;
}

/* What the values of an alert's fields stand in. */
struct written {
	char id[ALERT_ID_LEN], time[40], count[24], text[TEXT_LEN];
	struct template_value values[CONFIG_ALERT_FIELDS];
};

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void write_all(const struct alert *a, const struct alert_origin *origin, struct written *w)
{
	const struct journal_event *e = &a->event;
	time_t s = (time_t)(e->at_ms / 1000);
	struct tm tm;
	size_t n;

	snprintf(w->id, sizeof(w->id), "%llx-%llu", (unsigned long long)origin->run,
		 (unsigned long long)a->number);
	gmtime_r(&s, &tm);
	n = strftime(w->time, sizeof(w->time), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(w->time + n, sizeof(w->time) - n, ".%03dZ", (int)(e->at_ms % 1000));
	snprintf(w->count, sizeof(w->count), "%llu", (unsigned long long)a->count);
	alert__text(a, w->text, sizeof(w->text));
	const char *texts[CONFIG_ALERT_FIELDS] = {
		[CONFIG_ALERT_ID] = w->id,
		[CONFIG_ALERT_STATUS] = statuses[a->status],
		[CONFIG_ALERT_SEVERITY] = config_severity__name(a->severity),
		[CONFIG_ALERT_KIND] = a->status == ALERT_SUM || a->status == ALERT_TEST
					      ? NULL
					      : journal_kind__name(alert__kind(e)),
		[CONFIG_ALERT_SERVICE] = or_null(e->service),
		[CONFIG_ALERT_BACKEND] = or_null(e->backend),
		[CONFIG_ALERT_SUBJECT] = or_null(e->subject),
		[CONFIG_ALERT_WAS] = or_null(e->from),
		[CONFIG_ALERT_IS] = or_null(e->to),
		[CONFIG_ALERT_REASON] = or_null(e->detail),
		[CONFIG_ALERT_TIME] = w->time,
		[CONFIG_ALERT_COUNT] = w->count,
		[CONFIG_ALERT_HOST] = origin->host,
		[CONFIG_ALERT_INSTANCE] = origin->instance,
		[CONFIG_ALERT_TEXT] = w->text,
	};
	for (size_t i = 0; i < CONFIG_ALERT_FIELDS; i++)
		w->values[i] = (struct template_value){
			.name = config_alert_field_names[i],
			.text = texts[i],
			.number = i == CONFIG_ALERT_COUNT,
		};
}

/* All of it, in the order of the fields. */
static char *plain_body(const struct written *w, const struct alert *a, size_t *len)
{
	json_t *o = json_object();
	char *text;

	for (size_t i = 0; i < CONFIG_ALERT_FIELDS; i++) {
		const struct template_value *v = &w->values[i];

		json_object_set_new(o, v->name,
				    v->number ? json_integer((json_int_t)a->count)
				    : v->text ? json_string(v->text)
					      : json_null());
	}
	text = json_dumps(o, 0);
	json_decref(o);
	*len = text ? strlen(text) : 0;
	return text;
}

char *alert__body(const struct alert *a, const struct alert_origin *origin, const char *template,
		  size_t *len)
{
	struct written w;

	write_all(a, origin, &w);
	if (!template)
		return plain_body(&w, a, len);
	return template__render(template, w.values, CONFIG_ALERT_FIELDS, len);
}

char **alert__environment(const struct alert *a, const struct alert_origin *origin)
{
	size_t size = ENV_MAX * sizeof(char *) + sizeof(PROGRAM_PATH), n = 0;
	struct written w;
	char **list, *at;

	write_all(a, origin, &w);
	for (size_t i = 0; i < CONFIG_ALERT_FIELDS; i++)
		size += sizeof("FAIRLEAD_=") + strlen(w.values[i].name) +
			(w.values[i].text ? strlen(w.values[i].text) : 0);
	list = calloc(1, size);
	if (!list)
		return NULL;
	at = (char *)(list + ENV_MAX);
	list[n++] = strcpy(at, PROGRAM_PATH);
	at += sizeof(PROGRAM_PATH);
	for (size_t i = 0; i < CONFIG_ALERT_FIELDS; i++) {
		const char *text = w.values[i].text;

		list[n++] = at;
		at = stpcpy(at, "FAIRLEAD_");
		for (const char *c = w.values[i].name; *c; c++)
			*at++ = (char)toupper((unsigned char)*c);
		*at++ = '=';
		at = stpcpy(at, text ? text : "") + 1;
	}
	return list;
}
