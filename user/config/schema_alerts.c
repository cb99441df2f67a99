/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_alerts.c - the keys of a destination of alerts; and what follows from them: copies and their end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/alert.h"
#include "config/schema.h"
#include "config/template.h"
#include "core/event.h"
#include "core/fnv.h"

#define DAY (24 * HOUR)
#define URL_MAX_LEN 1024
#define TEMPLATE_MAX_LEN 8192

const char *const config_alert_field_names[CONFIG_ALERT_FIELDS] = {
	[CONFIG_ALERT_ID] = "id",
	[CONFIG_ALERT_STATUS] = "status",
	[CONFIG_ALERT_SEVERITY] = "severity",
	[CONFIG_ALERT_KIND] = "kind",
	[CONFIG_ALERT_SERVICE] = "service",
	[CONFIG_ALERT_BACKEND] = "backend",
	[CONFIG_ALERT_SUBJECT] = "subject",
	[CONFIG_ALERT_WAS] = "was",
	[CONFIG_ALERT_IS] = "is",
	[CONFIG_ALERT_REASON] = "reason",
	[CONFIG_ALERT_TIME] = "time",
	[CONFIG_ALERT_COUNT] = "count",
	[CONFIG_ALERT_HOST] = "host",
	[CONFIG_ALERT_INSTANCE] = "instance",
	[CONFIG_ALERT_TEXT] = "text",
};

static const struct choice severities[] = {
	{"info", CONFIG_INFO},
	{"warning", CONFIG_WARNING},
	{"critical", CONFIG_CRITICAL},
	{NULL, 0},
};

const char *config_severity__name(enum config_severity severity)
{
	return severities[severity].name;
}

/* --- single values ---------------------------------------------------------------------------------- */

static const char *rule__kind(const char *text)
{
	int kind = journal_kind__parse(text, strlen(text));

	if (kind == JOURNAL_STATE)
		return "is no change; leave it out: what is found when the agent begins is of the "
		       "kinds backend and service";
	return kind < 0 ? "is not a kind of event, as `fairlead events` shows them" : NULL;
}

static const char *rule__url(const char *text)
{
	size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
			: strncmp(text, "http://", 7) == 0 ? 7
							   : 0;

	if (!scheme || !text[scheme] || strchr("/?#:", text[scheme]))
		return "must begin with \"https://\" or \"http://\" and a host";
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return "may hold only printable ASCII; write the rest as %20";
	return NULL;
}

static void read_kinds(struct reader *r, const struct option *o, struct node *list, void *base)
{
	static const struct option kind = {"", value__name, .size = 16, .rule = rule__kind};
	struct config_alert *a = base;

	(void)o;
	if (!option__expect(r, list, NODE_LIST, "a list of kinds of events"))
		return;
	if (!list->n_kids) {
		reader__problem(r, list, "is empty; write at least one");
		return;
	}
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);
		char name[16] = "";

		value__name(r, &kind, list->kids[i], name);
		if (!list->kids[i]->bad)
			a->kinds |= 1u << journal_kind__parse(name, strlen(name));
		reader__leave(r, was);
	}
}

static void show_kinds(const void *at, char *buf, size_t len)
{
	size_t n = 0;

	for (unsigned int kind = 0; kind < JOURNAL_KINDS && n < len; kind++) {
		if (*(const uint32_t *)at & 1u << kind)
			n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? ", " : "",
					      journal_kind__name(kind));
	}
}

/* It may hold a password, so that it is another one must do. */
static void show_template(const void *at, char *buf, size_t len)
{
	const char *text = *(char *const *)at;

	if (text)
		snprintf(buf, len, "(%zu bytes, digest %08x)", strlen(text),
			 fnv32(FNV32, text, strlen(text)));
}

static void read_template(struct reader *r, const struct option *o, struct node *value, void *base)
{
	struct template_value values[CONFIG_ALERT_FIELDS];
	struct config_webhook *w = base;
	struct err err;
	int rc;

	/* Not by value__string(): between its values JSON may have line ends. */
	if (!option__expect(r, value, NODE_SCALAR, "JSON with places for values"))
		return;
	if (!value->len || value->len > o->max || strlen(value->text) != value->len) {
		reader__problem(r, value, "is no text of 1 to %llu bytes",
				(unsigned long long)o->max);
		return;
	}
	w->template = strdup(value->text);
	if (!w->template) {
		r->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < CONFIG_ALERT_FIELDS; i++)
		values[i] = (struct template_value){
			.name = config_alert_field_names[i],
			.text = i == CONFIG_ALERT_COUNT ? "1" : "x",
			.number = i == CONFIG_ALERT_COUNT,
		};
	rc = template__check(w->template, values, CONFIG_ALERT_FIELDS, &err);
	if (rc == -EINVAL)
		reader__problem(r, value, "%s", err.text);
	else if (rc)
		r->err = rc;
}

/* --- tables ----------------------------------------------------------------------------------------- */

#define WEBHOOK(member) AT(struct config_webhook, member)
#define FILE_NAME value__string, .max = 4095, .rule = rule__file

static const struct option webhook_options[] = {
	{"url", value__string, WEBHOOK(url), .max = URL_MAX_LEN, .rule = rule__url},
	{"url_file", FILE_NAME, WEBHOOK(url_file)},
	{"token_file", FILE_NAME, WEBHOOK(token_file)},
	{"ca_file", FILE_NAME, WEBHOOK(ca_file)},
	{"headers", value__words, WEBHOOK(headers), .max = 32, .rule = rule__http_header},
	{"template", read_template, WEBHOOK(template), .max = TEMPLATE_MAX_LEN,
	 .show = show_template},
};
static const struct section webhook_section = {webhook_options, COUNT(webhook_options)};

static void read_webhook(struct reader *r, const struct option *o, struct node *map, void *base)
{
	struct config_alert *a = base;

	(void)o;
	if (!option__expect(r, map, NODE_MAP, "a mapping (key: value)"))
		return;
	a->has_webhook = true;
	section__read(r, &webhook_section, map, &a->webhook);
}

#define ALERT(member) AT(struct config_alert, member)

static const struct option alert_options[] = {
	{"name", value__name, ALERT(name), .rule = rule__instance,
	 .missing = "what status and metrics call the destination"},
	{"kinds", read_kinds, ALERT(kinds), .show = show_kinds},
	{"severity", value__choice, ALERT(severity), .choices = severities, .fallback = "warning"},
	{"services", value__words, ALERT(services), .max = 1024, .rule = rule__instance},
	{"for", value__duration, ALERT(for_ms), RANGE(0, HOUR), .fallback = "0s"},
	{"quiet", value__duration, ALERT(quiet_ms), RANGE(0, DAY), .fallback = "1m"},
	{"rate", value__number, ALERT(rate), RANGE(1, 1000), .fallback = "20"},
	{"burst", value__number, ALERT(burst), RANGE(1, 1000), .fallback = "10"},
	{"max_age", value__duration, ALERT(max_age_ms), RANGE(SECOND, 7 * DAY), .fallback = "1h"},
	{"timeout", value__duration, ALERT(timeout_ms), RANGE(100, MINUTE), .fallback = "10s"},
	{"exec", value__words, ALERT(command), .max = CONFIG_EXEC_WORDS},
	{"webhook", read_webhook, ALERT(webhook), .section = &webhook_section},
};
const struct section schema_alert = {alert_options, COUNT(alert_options)};

void schema__alerts(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_MAX_ALERTS) {
		reader__problem(r, list, "holds %zu destinations, at most %d fit", list->n_kids,
				CONFIG_MAX_ALERTS);
		return;
	}
	c->alerts = schema__array(r, list, sizeof(*c->alerts), 0, "a list of destinations");
	if (!c->alerts)
		return;
	c->n_alerts = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &schema_alert, list->kids[i], &c->alerts[i]);
		if (!c->alerts[i].kinds)
			c->alerts[i].kinds = JOURNAL_CHANGES;
		reader__leave(r, was);
	}
}

/* --- copies ----------------------------------------------------------------------------------------- */

#define MEMBER(member) offsetof(struct config_alert, member)

static const size_t texts[] = {
	MEMBER(webhook.url),	 MEMBER(webhook.url_file), MEMBER(webhook.token_file),
	MEMBER(webhook.ca_file), MEMBER(webhook.template),
};
static const size_t lists[] = {MEMBER(services), MEMBER(command), MEMBER(webhook.headers)};

static char **text_at(const struct config_alert *a, size_t i)
{
	return (char **)((char *)a + texts[i]);
}

static struct config_words *list_at(const struct config_alert *a, size_t i)
{
	return (struct config_words *)((char *)a + lists[i]);
}

void config_alert__clear(struct config_alert *a)
{
	for (size_t i = 0; i < COUNT(texts); i++)
		free(*text_at(a, i));
	for (size_t i = 0; i < COUNT(lists); i++)
		config_words__clear(list_at(a, i));
}

int config_alert__copy(const struct config_alert *from, struct config_alert *to)
{
	struct config_alert copy = *from;
	int rc = 0, one;

	/* Each of them leaves nothing of the original's behind, even when it fails. */
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = *text_at(from, i);

		*text_at(&copy, i) = text ? strdup(text) : NULL;
		rc = text && !*text_at(&copy, i) ? -ENOMEM : rc;
	}
	for (size_t i = 0; i < COUNT(lists); i++) {
		one = config_words__copy(list_at(from, i), list_at(&copy, i));
		rc = one ? one : rc;
	}
	if (rc)
		config_alert__clear(&copy);
	else
		*to = copy;
	return rc;
}

static bool same_words(const struct config_words *a, const struct config_words *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->list[i], b->list[i]) == 0;
	return same;
}

bool config_alert__same_target(const struct config_alert *a, const struct config_alert *b)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *x = *text_at(a, i), *y = *text_at(b, i);

		if (!x || !y ? x != y : strcmp(x, y) != 0)
			return false;
	}
	return same_words(&a->command, &b->command) &&
	       same_words(&a->webhook.headers, &b->webhook.headers);
}
