/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema_probe.c - the keys of a probe: one row each, with the kinds that have it; and what follows
 * from the rows alone: comparing, copying and freeing probes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/schema.h"

#define PATH_MAX_LEN 1024 /* paths, bodies and other long texts, bytes */
#define HOST_MAX_LEN 255 /* RFC 1035 2.3.4 */
#define DAY (24 * HOUR)

#define PROBE(member) AT(struct config_probe, member)
#define KIND(name) (UINT64_C(1) << CONFIG_PROBE_##name)

#define WEB (KIND(HTTP) | KIND(HTTPS))
#define ON_HTTP (WEB | KIND(ELASTICSEARCH))
/* Kinds that are TLS, and those that can be. */
#define IS_TLS (KIND(TLS) | KIND(HTTPS))
#define MAY_TLS                                                                            \
	(KIND(GRPC) | KIND(SCRIPT) | KIND(SMTP) | KIND(LDAP) | KIND(REDIS) | KIND(MYSQL) | \
	 KIND(POSTGRES) | KIND(ELASTICSEARCH) | KIND(MEMCACHED) | KIND(MQTT))
#define ANY_TLS (IS_TLS | MAY_TLS)
/* Kinds in whose conversation TLS can begin; databases know no other TLS. */
#define MAY_STARTTLS (KIND(SMTP) | KIND(LDAP))
#define DATABASES (KIND(MYSQL) | KIND(POSTGRES))
#define WITH_USER (KIND(LDAP) | KIND(REDIS) | DATABASES | KIND(MQTT) | ON_HTTP)
#define WITH_ROLE (KIND(REDIS) | DATABASES | KIND(ZOOKEEPER) | KIND(KAFKA) | KIND(ELASTICSEARCH))
#define WITH_LAG (KIND(REDIS) | DATABASES)

#define BY_PATH (~(KIND(ICMP) | KIND(EXEC) | KIND(MYSQL) | KIND(POSTGRES)))

static const struct choice ways[] = {{"direct", false}, {"path", true}, {NULL, 0}};
static const struct choice versions[] = {{"1.1", false}, {"2", true}, {NULL, 0}};
static const struct choice transports[] = {{"udp", false}, {"tcp", true}, {NULL, 0}};

#define TEXT value__string
#define FILE_NAME value__string, .max = PATH_MAX_LEN, .rule = rule__file

static const struct option probe_options[] = {
	{"type", value__choice, PROBE(kind), .choices = choice_probe_kinds, .fallback = "tcp"},
	{"interval", value__duration, PROBE(interval_ms), RANGE(10, HOUR), .fallback = "2s"},
	{"fast_interval", value__duration, PROBE(fast_interval_ms), RANGE(10, HOUR)},
	{"timeout", value__duration, PROBE(timeout_ms), RANGE(1, MINUTE), .fallback = "1s"},
	{"rise", value__number, PROBE(rise), RANGE(1, 100), .fallback = "2"},
	{"fall", value__number, PROBE(fall), RANGE(1, 100), .fallback = "3"},
	{"jitter", value__percent, PROBE(jitter_pct), RANGE(0, 50), .fallback = "10%"},
	{"port", value__number, PROBE(port), RANGE(1, 65535)},
	{"via", value__choice, PROBE(by_path), .choices = ways, .fallback = "direct",
	 .kinds = BY_PATH},
	{"tls", value__choice, PROBE(tls), .choices = schema_booleans, .fallback = "false",
	 .kinds = MAY_TLS},
	{"starttls", value__choice, PROBE(starttls), .choices = schema_booleans,
	 .fallback = "false", .kinds = MAY_STARTTLS},
	{"verify", value__choice, PROBE(verify), .choices = schema_booleans, .fallback = "true",
	 .kinds = ANY_TLS},
	{"sni", TEXT, PROBE(sni), .max = HOST_MAX_LEN, .rule = rule__host_name, .kinds = ANY_TLS},
	{"ca_file", FILE_NAME, PROBE(ca_file), .kinds = ANY_TLS},
	{"cert_file", FILE_NAME, PROBE(cert_file), .kinds = ANY_TLS},
	{"key_file", FILE_NAME, PROBE(key_file), .kinds = ANY_TLS},
	{"expiry_warning", value__duration, PROBE(expiry_warning_ms), RANGE(0, 40 * DAY),
	 .fallback = "336h", .kinds = ANY_TLS},
	{"method", TEXT, PROBE(method), .max = 16, .rule = rule__http_method, .kinds = WEB},
	{"path", TEXT, PROBE(path), .max = PATH_MAX_LEN, .rule = rule__http_path, .kinds = WEB},
	{"host", TEXT, PROBE(host), .max = HOST_MAX_LEN, .rule = rule__http_host, .kinds = ON_HTTP},
	{"headers", value__words, PROBE(headers), .max = 32, .rule = rule__http_header,
	 .kinds = WEB},
	{"body", TEXT, PROBE(body), .max = PATH_MAX_LEN, .kinds = WEB},
	{"body_regex", TEXT, PROBE(body_regex), .max = PATH_MAX_LEN, .rule = rule__regex,
	 .kinds = WEB},
	{"status", value__status, PROBE(status_min), RANGE(100, 599), .fallback = "200-399",
	 .kinds = WEB},
	{"http_version", value__choice, PROBE(http2), .choices = versions, .fallback = "1.1",
	 .kinds = WEB},
	{"service", TEXT, PROBE(service), .max = HOST_MAX_LEN, .kinds = KIND(GRPC)},
	{"name", TEXT, PROBE(name), .max = HOST_MAX_LEN, .rule = rule__host_name,
	 .kinds = KIND(DNS) | KIND(SMTP)},
	{"record", TEXT, PROBE(record), .max = 8, .rule = rule__dns_record, .kinds = KIND(DNS)},
	{"answer", TEXT, PROBE(answer), .max = HOST_MAX_LEN, .kinds = KIND(DNS)},
	{"transport", value__choice, PROBE(over_tcp), .choices = transports, .fallback = "udp",
	 .kinds = KIND(DNS)},
	{"send", value__bytes, PROBE(send), .max = PATH_MAX_LEN, .kinds = KIND(UDP)},
	{"expect", value__bytes, PROBE(expect), .max = PATH_MAX_LEN, .kinds = KIND(UDP)},
	{"steps", value__steps, PROBE(steps), .max = 32, .kinds = KIND(SCRIPT)},
	{"command", value__words, PROBE(command), .max = CONFIG_EXEC_WORDS, .kinds = KIND(EXEC)},
	{"env", value__words, PROBE(env), .max = CONFIG_EXEC_WORDS, .rule = rule__env,
	 .kinds = KIND(EXEC)},
	{"weight", value__choice, PROBE(weight), .choices = schema_booleans, .fallback = "false",
	 .kinds = KIND(EXEC)},
	{"user", TEXT, PROBE(user), .max = HOST_MAX_LEN, .kinds = WITH_USER},
	{"password_file", FILE_NAME, PROBE(password_file), .kinds = WITH_USER},
	{"password_env", TEXT, PROBE(password_env), .max = HOST_MAX_LEN, .kinds = WITH_USER},
	{"database", TEXT, PROBE(database), .max = 64, .kinds = DATABASES},
	{"role", value__choice, PROBE(role), .choices = choice_roles, .fallback = "any",
	 .kinds = WITH_ROLE},
	{"max_lag", value__duration, PROBE(max_lag_ms), RANGE(0, DAY), .fallback = "0s",
	 .kinds = WITH_LAG},
	{"sentinels", value__words, PROBE(sentinels), .max = CONFIG_SENTINELS,
	 .rule = rule__endpoint, .kinds = KIND(REDIS)},
	{"master_name", TEXT, PROBE(master_name), .max = HOST_MAX_LEN, .kinds = KIND(REDIS)},
	{"color", TEXT, PROBE(color), .max = 8, .rule = rule__color, .kinds = KIND(ELASTICSEARCH)},
};
const struct section schema_probe = {probe_options, COUNT(probe_options)};

/* value__status stores to two members. */
_Static_assert(offsetof(struct config_probe, status_max) ==
		       offsetof(struct config_probe, status_min) + sizeof(uint16_t),
	       "status_min and status_max");
_Static_assert(COUNT(probe_options) <= SECTION_MAX_OPTIONS, "the longest table");

/* A default that is a text of its own. */
static int default_text(char **to, const char *text)
{
	if (!*to)
		*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

int schema_probe__complete(struct config_probe *p)
{
	bool web = p->kind == CONFIG_PROBE_HTTP || p->kind == CONFIG_PROBE_HTTPS;
	char host[HOST_MAX_LEN + 1] = "";
	int rc = 0;

	if (!p->fast_interval_ms)
		p->fast_interval_ms = p->interval_ms / 4 > 10 ? p->interval_ms / 4 : 10;
	if (p->tls && DATABASES >> p->kind & 1)
		p->starttls = true;
	if (p->starttls || IS_TLS >> p->kind & 1)
		p->tls = true;
	if (web) {
		rc = default_text(&p->path, "/");
		rc = rc ? rc : default_text(&p->method, "GET");
	}
	if (p->kind == CONFIG_PROBE_SMTP && !p->name && gethostname(host, sizeof(host) - 1) == 0)
		rc = default_text(&p->name, host);
	if (p->kind == CONFIG_PROBE_DNS)
		rc = default_text(&p->record, "A");
	if (p->kind == CONFIG_PROBE_ELASTICSEARCH)
		rc = default_text(&p->color, "yellow");
	return rc;
}

/* --- by the rows -------------------------------------------------------------------------------- */

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_size(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_bytes(const struct config_bytes *a, const struct config_bytes *b)
{
	int c = compare_size(a->len, b->len);

	return c || !a->len ? c : memcmp(a->data, b->data, a->len);
}

static int compare_words(const struct config_words *a, const struct config_words *b)
{
	int c = compare_size(a->n, b->n);

	for (size_t i = 0; !c && i < a->n; i++)
		c = strcmp(a->list[i], b->list[i]);
	return c;
}

static int compare_steps(const struct config_steps *a, const struct config_steps *b)
{
	int c = compare_size(a->n, b->n);

	for (size_t i = 0; !c && i < a->n; i++) {
		c = a->list[i].expect - b->list[i].expect;
		c = c ? c : compare_bytes(&a->list[i].bytes, &b->list[i].bytes);
	}
	return c;
}

static int compare_option(const struct option *o, const void *a, const void *b)
{
	const void *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;

	if (o->parse == value__string)
		return compare_text(*(char *const *)x, *(char *const *)y);
	if (o->parse == value__words)
		return compare_words(x, y);
	if (o->parse == value__bytes)
		return compare_bytes(x, y);
	if (o->parse == value__steps)
		return compare_steps(x, y);
	return memcmp(x, y, o->parse == value__status ? 2 * o->size : o->size);
}

static bool is_judgement(const struct option *o)
{
	return o->offset == offsetof(struct config_probe, rise) ||
	       o->offset == offsetof(struct config_probe, fall);
}

int config_probe__compare(const struct config_probe *a, const struct config_probe *b)
{
	int c = 0;

	for (size_t i = 0; !c && i < COUNT(probe_options); i++) {
		if (!is_judgement(&probe_options[i]))
			c = compare_option(&probe_options[i], a, b);
	}
	return c;
}

static void feed_sized(config_feed_cb *feed, void *ctx, const void *bytes, size_t len)
{
	uint64_t size = len;

	feed(ctx, &size, sizeof(size));
	if (len)
		feed(ctx, bytes, len);
}

static void feed_option(const struct option *o, const void *at, config_feed_cb *feed, void *ctx)
{
	if (o->parse == value__string) {
		const char *text = *(char *const *)at;

		feed_sized(feed, ctx, text, text ? strlen(text) : 0);
	} else if (o->parse == value__words) {
		const struct config_words *w = at;

		for (size_t i = 0; i < w->n; i++)
			feed_sized(feed, ctx, w->list[i], strlen(w->list[i]));
	} else if (o->parse == value__bytes) {
		const struct config_bytes *b = at;

		feed_sized(feed, ctx, b->data, b->len);
	} else if (o->parse == value__steps) {
		const struct config_steps *s = at;

		for (size_t i = 0; i < s->n; i++) {
			feed(ctx, &s->list[i].expect, sizeof(s->list[i].expect));
			feed_sized(feed, ctx, s->list[i].bytes.data, s->list[i].bytes.len);
		}
	} else {
		feed_sized(feed, ctx, at, o->parse == value__status ? 2 * o->size : o->size);
	}
}

void config_probe__feed(const struct config_probe *p, config_feed_cb *feed, void *ctx)
{
	for (size_t i = 0; i < COUNT(probe_options); i++)
		feed_option(&probe_options[i], (const char *)p + probe_options[i].offset, feed,
			    ctx);
}

void config_probe__clear(struct config_probe *p)
{
	for (size_t i = 0; i < COUNT(probe_options); i++) {
		const struct option *o = &probe_options[i];
		void *at = (char *)p + o->offset;

		if (o->parse == value__string)
			free(*(char **)at);
		else if (o->parse == value__words)
			config_words__clear(at);
		else if (o->parse == value__bytes)
			free(((struct config_bytes *)at)->data);
		else if (o->parse == value__steps)
			config_steps__clear(at);
	}
	memset(p, 0, sizeof(*p));
}

int config_probe__copy(const struct config_probe *from, struct config_probe *to)
{
	struct config_probe copy = *from;
	int rc = 0;

	for (size_t i = 0; i < COUNT(probe_options); i++) {
		const struct option *o = &probe_options[i];
		const void *src = (const char *)from + o->offset;
		void *dst = (char *)&copy + o->offset;
		int one = 0;

		/* Each of them leaves nothing of the original's behind, even when it fails. */
		if (o->parse == value__string && *(char *const *)src)
			one = (*(char **)dst = strdup(*(char *const *)src)) ? 0 : -ENOMEM;
		else if (o->parse == value__words)
			one = config_words__copy(src, dst);
		else if (o->parse == value__bytes)
			one = config_bytes__copy(src, dst);
		else if (o->parse == value__steps)
			one = config_steps__copy(src, dst);
		rc = rc ? rc : one;
	}
	if (rc)
		config_probe__clear(&copy);
	else
		*to = copy;
	return rc;
}

/* --- what kinds have ---------------------------------------------------------------------------- */

bool config_probe_kind__has_port(enum config_probe_kind kind)
{
	return kind != CONFIG_PROBE_ICMP && kind != CONFIG_PROBE_EXEC;
}

uint8_t config_probe__proto(const struct config_probe *p)
{
	if (!config_probe_kind__has_port(p->kind))
		return 0;
	if (p->kind == CONFIG_PROBE_UDP || (p->kind == CONFIG_PROBE_DNS && !p->over_tcp))
		return IPPROTO_UDP;
	return IPPROTO_TCP;
}

bool config_probe_kind__has_role(enum config_probe_kind kind, enum config_role role)
{
	static const unsigned int known[CONFIG_PROBE_KINDS] = {
		[CONFIG_PROBE_REDIS] = 1U << CONFIG_ROLE_MASTER | 1U << CONFIG_ROLE_REPLICA,
		[CONFIG_PROBE_MYSQL] = 1U << CONFIG_ROLE_MASTER | 1U << CONFIG_ROLE_REPLICA,
		[CONFIG_PROBE_POSTGRES] = 1U << CONFIG_ROLE_MASTER | 1U << CONFIG_ROLE_REPLICA,
		[CONFIG_PROBE_ZOOKEEPER] = 1U << CONFIG_ROLE_LEADER | 1U << CONFIG_ROLE_FOLLOWER |
					   1U << CONFIG_ROLE_STANDALONE,
		[CONFIG_PROBE_KAFKA] = 1U << CONFIG_ROLE_CONTROLLER,
		[CONFIG_PROBE_ELASTICSEARCH] = 1U << CONFIG_ROLE_MASTER | 1U << CONFIG_ROLE_DATA,
	};

	return role == CONFIG_ROLE_ANY || known[kind] >> role & 1;
}
