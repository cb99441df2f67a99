/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/query.h"
#include "api/query_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 64 /* bytes of what a client wrote that an error repeats at most */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* `words`: spaces and what is not ASCII come through, too. */
static int decode(const char *what, const char *text, size_t len, char *out, size_t size,
		  bool words, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err__set(
					err, -EINVAL,
					"the %s has a '%%' that two hex digits do not follow",
					what);
			c = hi << 4 | lo;
			i += 2;
		}
		if (c < ' ' || c == 0x7f || (!words && (c == ' ' || c > '~')))
			return err__set(
				err, -EINVAL,
				"the %s has a byte 0x%02x: only printable ASCII can be there", what,
				(unsigned int)c);
		if (n + 1 == size)
			return err__set(err, -EINVAL, "the %s is longer than %zu bytes", what,
					size - 1);
		out[n] = (char)c;
	}
	if (!n)
		return err__set(err, -EINVAL, "the %s is empty", what);
	out[n] = '\0';
	return 0;
}

int query__decode(const char *what, const char *text, size_t len, char *out, size_t size,
		  struct err *err)
{
	return decode(what, text, len, out, size, false, err);
}

int query_read__text(const char *what, const char *value, char *out, size_t size, struct err *err)
{
	size_t len = strlen(value);

	if (len >= size)
		return err__set(err, -EINVAL, "the %s is longer than %zu bytes", what, size - 1);
	memcpy(out, value, len + 1);
	return 0;
}

static int read_to(const char *value, struct route *r, struct err *err)
{
	return query_read__text("peer's name", value, r->to, sizeof(r->to), err);
}

static int read_name(const char *value, struct route *r, struct err *err)
{
	return query_read__text("destination's name", value, r->name, sizeof(r->name), err);
}

static int read_service(const char *value, struct route *r, struct err *err)
{
	return query_read__text("service's name", value, r->service, sizeof(r->service), err);
}

static int read_prefix(const char *value, struct route *r, struct err *err)
{
	static const struct addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};
	struct addr_prefix p;

	if (r->n_prefixes == ROUTE_MAX_PREFIXES)
		return err__set(err, -EINVAL, "a request takes at most %d prefixes",
				ROUTE_MAX_PREFIXES);
	if (addr__parse_net(value, &p))
		return err__set(err, -EINVAL,
				"'%.*s' is not an address or a prefix whose host bits are zero",
				SHOWN, value);
	/* IPv4 is kept IPv4-mapped: such a prefix would be one of both families. */
	if (p.len < 96 && addr_prefix__holds(&p, &mapped))
		return err__set(
			err, -EINVAL,
			"'%.*s' holds ::ffff:0:0/96, which stands for IPv4; 2000::/3 is all of "
			"IPv6 that is routed, 0.0.0.0/0 is IPv4",
			SHOWN, value);
	r->prefixes[r->n_prefixes++] = p;
	return 0;
}

static int read_bool(const char *name, const char *value, bool *out, struct err *err)
{
	*out = !strcmp(value, "true");
	return *out || !strcmp(value, "false")
		       ? 0
		       : err__set(err, -EINVAL, "%s is 'true' or 'false'", name);
}

static int read_monitor(const char *value, struct route *r, struct err *err)
{
	return read_bool("monitor", value, &r->monitor, err);
}

static int read_now(const char *value, struct route *r, struct err *err)
{
	return read_bool("now", value, &r->now, err);
}

int query_read__number(const char *name, const char *value, uint64_t least, uint64_t most,
		       uint64_t *out, struct err *err)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || *out < least || *out > most)
		return err__set(err, -EINVAL, "%s is not a number in %llu..%llu", name,
				(unsigned long long)least, (unsigned long long)most);
	return 0;
}

static int read_since(const char *value, struct route *r, struct err *err)
{
	r->has_since = true;
	return query_read__number("since", value, 0, UINT64_MAX, &r->since, err);
}

int query_read__u32(const char *name, const char *value, uint64_t least, uint64_t most,
		    uint32_t *out, struct err *err)
{
	uint64_t n = 0;
	int rc = query_read__number(name, value, least, most, &n, err);

	*out = (uint32_t)n;
	return rc;
}

static int read_n(const char *value, struct route *r, struct err *err)
{
	r->has_n = true;
	return query_read__u32("n", value, 1, ROUTE_MAX_PACKETS, &r->n, err);
}

static int read_after(const char *value, struct route *r, struct err *err)
{
	return query_read__number("after", value, 0, INT64_MAX / 1000000, &r->after_ms, err);
}

static int read_wait(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("wait", value, 0, ROUTE_MAX_WAIT_MS, &r->wait_ms, err);
}

static int read_reason(const char *value, struct route *r, struct err *err)
{
	return query_read__text("reason", value, r->reason, sizeof(r->reason), err);
}

static int read_all(const char *value, struct route *r, struct err *err)
{
	return read_bool("peers", value, &r->all, err);
}

static int read_confirm(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("confirm", value, 1000, ROUTE_MAX_CONFIRM_MS, &r->confirm_ms, err);
}

static int read_version(const char *value, struct route *r, struct err *err)
{
	return query_read__number("version", value, 1, INT64_MAX, &r->version, err);
}

static int read_target(const char *value, struct route *r, struct err *err)
{
	return query_read__u32("target", value, 0, 1000000, &r->target_ppm, err);
}

static int read_hours(const char *value, struct route *r, struct err *err)
{
	int rc = query_read__u32("hours", value, 1, 168, &r->hours, err);

	if (!rc && r->hours != 1 && r->hours != 24 && r->hours != 168)
		rc = err__set(err, -EINVAL, "hours is 1, 24 or 168");
	return rc;
}

static int read_kinds(const char *value, struct route *r, struct err *err)
{
	return query_read__text("list of kinds", value, r->kinds, sizeof(r->kinds), err);
}

static int read_backend(const char *value, struct route *r, struct err *err)
{
	return query_read__text("backend's id", value, r->backend, sizeof(r->backend), err);
}

static int read_flows(const char *value, struct route *r, struct err *err)
{
	r->has_flows = true;
	return query_read__u32("flows", value, 0, ROUTE_MAX_SAMPLING, &r->flows, err);
}

static int read_drops(const char *value, struct route *r, struct err *err)
{
	r->has_drops = true;
	return query_read__u32("drops", value, 0, ROUTE_MAX_SAMPLING, &r->drops, err);
}

static int read_percent(const char *value, struct route *r, struct err *err)
{
	uint32_t percent = 0;
	int rc = query_read__u32("percent", value, 0, 100, &percent, err);

	r->has_percent = true;
	r->word.percent = (uint8_t)percent;
	return rc;
}

static int read_layout(const char *value, struct route *r, struct err *err)
{
	return query_read__text("value of 'layout'", value, r->layout, sizeof(r->layout), err);
}

static int read_known(const char *value, struct route *r, struct err *err)
{
	return query_read__text("value of 'known'", value, r->known, sizeof(r->known), err);
}

#define KIND(name) (UINT64_C(1) << ROUTE_##name)
#define CHANGES_SOURCES (KIND(SOURCES_ALLOW) | KIND(SOURCES_DENY) | KIND(SOURCES_REMOVE))

static const struct parameter {
	const char *name;
	const char *what; /* for errors about the text of its value */
	uint64_t kinds; /* paths that take it */
	bool repeats;
	bool words; /* its value is a person's */
	int (*read)(const char *value, struct route *r, struct err *err);
} parameters[] = {
	{"service", "service's name",
	 KIND(BACKEND) | KIND(SAY) | KIND(WEIGHT) | KIND(SOURCES) | KIND(EVENTS) | KIND(REPORT) |
		 KIND(STATUS) | KIND(OVERVIEW) | CHANGES_SOURCES | KIND(CAPTURE_START),
	 false, false, read_service},
	{"percent", "value of 'percent'", KIND(WEIGHT), false, false, read_percent},
	{"prefix", "prefix", CHANGES_SOURCES, true, false, read_prefix},
	{"now", "value of 'now'", KIND(APPLY) | KIND(DIFF), false, false, read_now},
	{"monitor", "value of 'monitor'", KIND(SOURCES_DENY), false, false, read_monitor},
	{"since", "value of 'since'", KIND(PACKETS) | KIND(EVENTS) | KIND(REPORT) | KIND(STREAM),
	 false, false, read_since},
	{"target", "value of 'target'", KIND(REPORT), false, false, read_target},
	{"n", "value of 'n'", KIND(PACKETS) | KIND(EVENTS) | KIND(HISTORY) | KIND(STREAM), false,
	 false, read_n},
	{"hours", "value of 'hours'", KIND(TIMELINE), false, false, read_hours},
	{"kind", "list of kinds", KIND(EVENTS), false, false, read_kinds},
	{"backend", "backend's id", KIND(EVENTS) | KIND(STATUS) | KIND(CAPTURE_START), false, false,
	 read_backend},
	{"after", "value of 'after'", KIND(EVENTS), false, false, read_after},
	{"wait", "value of 'wait'", KIND(EVENTS), false, false, read_wait},
	{"flows", "value of 'flows'", KIND(SAMPLING), false, false, read_flows},
	{"drops", "value of 'drops'", KIND(SAMPLING), false, false, read_drops},
	{"reason", "reason", KIND(APPLY) | KIND(ROLLBACK), false, true, read_reason},
	{"peers", "value of 'peers'", KIND(APPLY), false, false, read_all},
	{"confirm", "value of 'confirm'", KIND(APPLY), false, false, read_confirm},
	{"version", "value of 'version'", KIND(ROLLBACK), false, false, read_version},
	{"name", "destination's name", KIND(ALERTS_TEST), false, false, read_name},
	{"to", "peer's name", KIND(FAILOVER), false, false, read_to},
	{"source", "value of 'source'", KIND(EXPLAIN), false, false, query_explain__source},
	{"destination", "value of 'destination'", KIND(EXPLAIN), false, false,
	 query_explain__destination},
	{"protocol", "value of 'protocol'", KIND(EXPLAIN), false, false, query_explain__protocol},
	{"flags", "value of 'flags'", KIND(EXPLAIN), false, false, query_explain__flags},
	{"interface", "interface's name", KIND(EXPLAIN), false, false, query_explain__interface},
	{"layout", "value of 'layout'", KIND(RATES), false, false, read_layout},
	{"known", "value of 'known'", KIND(RATES), false, false, read_known},
	{"length", "value of 'length'", KIND(EXPLAIN), false, false, query_explain__length},
	{"source", "value of 'source'", KIND(CAPTURE_START), false, false, query_capture__source},
	{"destination", "value of 'destination'", KIND(CAPTURE_START), false, false,
	 query_capture__destination},
	{"protocol", "value of 'protocol'", KIND(CAPTURE_START), false, false,
	 query_capture__protocol},
	{"port", "value of 'port'", KIND(CAPTURE_START), false, false, query_capture__port},
	{"verdict", "list of verdicts", KIND(CAPTURE_START), false, false, query_capture__verdicts},
	{"snap", "value of 'snap'", KIND(CAPTURE_START), false, false, query_capture__snap},
	{"rate", "value of 'rate'", KIND(CAPTURE_START), false, false, query_capture__rate},
	{"packets", "value of 'packets'", KIND(CAPTURE_START), false, false,
	 query_capture__packets},
	{"size", "value of 'size'", KIND(CAPTURE_START), false, false, query_capture__size},
	{"time", "value of 'time'", KIND(CAPTURE_START), false, false, query_capture__time},
	{"id", "value of 'id'", KIND(CAPTURE_NEXT) | KIND(CAPTURE_STOP), false, false,
	 query_capture__id},
};
#define N_PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static const struct parameter *find(const char *name, size_t len, enum route_kind kind)
{
	for (size_t i = 0; i < N_PARAMETERS; i++) {
		if (strlen(parameters[i].name) == len && !memcmp(parameters[i].name, name, len) &&
		    parameters[i].kinds & UINT64_C(1) << kind)
			return &parameters[i];
	}
	return NULL;
}

static int unknown(const char *name, size_t len, enum route_kind kind, struct err *err)
{
	char known[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < N_PARAMETERS; i++) {
		if (parameters[i].kinds & UINT64_C(1) << kind)
			at += (size_t)snprintf(known + at, sizeof(known) - at, "%s'%s'",
					       at ? ", " : "", parameters[i].name);
	}
	return err__set(err, -EINVAL, "'%.*s' is not a parameter of this path%s%s%s",
			(int)(len < SHOWN ? len : SHOWN), name, at ? ": only " : "", known,
			at ? strchr(known, ',') ? " are" : " is" : "");
}

int query__parse(const char *query, struct route *out, struct err *err)
{
	char value[ROUTE_MAX_URI + 1];
	uint64_t seen = 0; /* parameters, a bit for each */

	while (*query) {
		size_t len = strcspn(query, "&");
		size_t name_len = strcspn(query, "=&");
		const struct parameter *p = find(query, name_len, out->kind);
		int rc;

		if (!p)
			return unknown(query, name_len, out->kind, err);
		if (!p->repeats && seen & 1ULL << (p - parameters))
			return err__set(err, -EINVAL, "the parameter '%s' is there twice", p->name);
		seen |= 1ULL << (p - parameters);
		if (query[name_len] == '=')
			name_len++;
		rc = decode(p->what, query + name_len, len - name_len, value, sizeof(value),
			    p->words, err);
		rc = rc ? rc : p->read(value, out, err);
		if (rc)
			return rc;
		query += len;
		if (*query == '&')
			query++;
	}
	return 0;
}

int query__check(const struct route *r, struct err *err)
{
	if (r->kind == ROUTE_EXPLAIN)
		return query_explain__check(r, err);
	if (UINT64_C(1) << r->kind & CHANGES_SOURCES && !r->n_prefixes)
		return err__set(err, -EINVAL, "the parameter 'prefix' is missing");
	if ((r->kind == ROUTE_CAPTURE_NEXT || r->kind == ROUTE_CAPTURE_STOP) && !r->has_id)
		return err__set(err, -EINVAL, "the parameter 'id' is missing");
	if (r->kind == ROUTE_WEIGHT && !r->has_percent)
		return err__set(err, -EINVAL, "the parameter 'percent' is missing");
	if (r->kind == ROUTE_SAMPLING && !r->has_flows && !r->has_drops)
		return err__set(err, -EINVAL,
				"one of the parameters 'flows' and 'drops' is needed");
	return 0;
}
