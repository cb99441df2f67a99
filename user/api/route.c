/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/route.h"

#include <errno.h>
#include <string.h>

#include "api/asset.h"
#include "api/query.h"

#define BACKENDS "/v1/backends/"
#define FILES "/dashboard/"

static const struct {
	const char *path;
	enum route_kind kind;
} fixed_paths[] = {
	{"/", ROUTE_PAGE},
	{"/metrics", ROUTE_METRICS},
	{"/healthz", ROUTE_HEALTHZ},
	{"/openapi.json", ROUTE_OPENAPI},
	{"/v1/status", ROUTE_STATUS},
	{"/v1/rates", ROUTE_RATES},
	{"/v1/timings", ROUTE_TIMINGS},
	{"/v1/version", ROUTE_VERSION},
	{"/v1/config/apply", ROUTE_APPLY},
	{"/v1/config/diff", ROUTE_DIFF},
	{"/v1/config/confirm", ROUTE_CONFIRM},
	{"/v1/config/rollback", ROUTE_ROLLBACK},
	{"/v1/config/history", ROUTE_HISTORY},
	{"/v1/config/text", ROUTE_TEXT},
	{"/v1/sources", ROUTE_SOURCES},
	{"/v1/sources/allow", ROUTE_SOURCES_ALLOW},
	{"/v1/sources/deny", ROUTE_SOURCES_DENY},
	{"/v1/sources/remove", ROUTE_SOURCES_REMOVE},
	{"/v1/packets", ROUTE_PACKETS},
	{"/v1/packets/sampling", ROUTE_SAMPLING},
	{"/v1/failover", ROUTE_FAILOVER},
	{"/v1/failover/undo", ROUTE_FAILOVER_UNDO},
	{"/v1/explain", ROUTE_EXPLAIN},
	{"/v1/events", ROUTE_EVENTS},
	{"/v1/report", ROUTE_REPORT},
	{"/v1/overview", ROUTE_OVERVIEW},
	{"/v1/timeline", ROUTE_TIMELINE},
	{"/v1/events/stream", ROUTE_STREAM},
	{"/v1/alerts/test", ROUTE_ALERTS_TEST},
	{"/v1/capture/start", ROUTE_CAPTURE_START},
	{"/v1/capture/next", ROUTE_CAPTURE_NEXT},
	{"/v1/capture/stop", ROUTE_CAPTURE_STOP},
};

static const struct {
	const char *name;
	enum route_kind kind;
	enum api_verb verb;
} verbs[] = {
	{"drain", ROUTE_SAY, API_DRAIN},      {"undrain", ROUTE_SAY, API_UNDRAIN},
	{"disable", ROUTE_SAY, API_DISABLE},  {"enable", ROUTE_SAY, API_ENABLE},
	{"weight", ROUTE_WEIGHT, API_WEIGHT},
};

static int parse_verb(const char *text, size_t len, struct route *out)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strlen(verbs[i].name) != len || memcmp(text, verbs[i].name, len) != 0)
			continue;
		out->kind = verbs[i].kind;
		out->word.verb = verbs[i].verb;
		return 0;
	}
	return -ENOENT;
}

/* "ID", or "ID/drain" and the like: what stands behind BACKENDS. */
static int parse_backend(const char *text, size_t len, struct route *out, struct err *err)
{
	const char *slash = memchr(text, '/', len);
	size_t id_len = slash ? (size_t)(slash - text) : len;

	out->kind = ROUTE_BACKEND;
	if (slash && parse_verb(slash + 1, len - id_len - 1, out))
		return -ENOENT;
	return query__decode("backend's id", text, id_len, out->backend, sizeof(out->backend), err);
}

static int parse_path(const char *path, size_t len, struct route *out, struct err *err)
{
	for (size_t i = 0; i < sizeof(fixed_paths) / sizeof(fixed_paths[0]); i++) {
		if (strlen(fixed_paths[i].path) == len && !memcmp(fixed_paths[i].path, path, len)) {
			out->kind = fixed_paths[i].kind;
			if (out->kind == ROUTE_PAGE)
				out->file = asset__find(ASSET_PAGE, strlen(ASSET_PAGE));
			return 0;
		}
	}
	if (len > strlen(BACKENDS) && !memcmp(path, BACKENDS, strlen(BACKENDS)))
		return parse_backend(path + strlen(BACKENDS), len - strlen(BACKENDS), out, err);
	if (len > strlen(FILES) && !memcmp(path, FILES, strlen(FILES))) {
		out->kind = ROUTE_FILE;
		out->file = asset__find(path + strlen(FILES), len - strlen(FILES));
		return out->file ? 0 : -ENOENT;
	}
	return -ENOENT;
}

static const struct api_capture capture_defaults = {
	.snap = 256,
	.rate = 5000,
	.packets = 10000,
	.time_ms = 60000,
	.size = 64 << 20,
};

int route__parse(const char *uri, struct route *out, struct err *err)
{
	size_t path_len = strcspn(uri, "?");
	struct route r = {
		.target_ppm = ROUTE_TARGET_PPM, .hours = ROUTE_HOURS, .capture = capture_defaults};
	int rc;

	if (strnlen(uri, ROUTE_MAX_URI + 1) > ROUTE_MAX_URI)
		return err__set(err, -ENAMETOOLONG, "the request's path is longer than %d bytes",
				ROUTE_MAX_URI);
	rc = parse_path(uri, path_len, &r, err);
	if (rc == -ENOENT)
		return err__set(err, -ENOENT,
				"there is no such path: see fairlead(1) and docs/api.md");
	if (!rc && uri[path_len] == '?')
		rc = query__parse(uri + path_len + 1, &r, err);
	if (!rc)
		rc = query__check(&r, err);
	if (!rc)
		*out = r;
	return rc;
}

bool route__is_public(const struct route *r)
{
	switch (r->kind) {
	case ROUTE_METRICS:
	case ROUTE_HEALTHZ:
	case ROUTE_OPENAPI:
	case ROUTE_PAGE:
	case ROUTE_FILE:
	case ROUTE_OVERVIEW:
	case ROUTE_TIMELINE:
	case ROUTE_STREAM:
		return true;
	default:
		return false;
	}
}

size_t route__max_body(const char *uri)
{
	struct route r;
	struct err err;

	if (parse_path(uri, strcspn(uri, "?"), &r, &err))
		return 0;
	return r.kind == ROUTE_EXPLAIN ? API_MAX_FRAME : r.kind == ROUTE_DIFF ? API_MAX_CONFIG : 0;
}

bool route__is_read(const struct route *r)
{
	return route__is_public(r) || r->kind == ROUTE_STATUS || r->kind == ROUTE_RATES ||
	       r->kind == ROUTE_TIMINGS || r->kind == ROUTE_VERSION || r->kind == ROUTE_SOURCES ||
	       r->kind == ROUTE_PACKETS || r->kind == ROUTE_BACKEND || r->kind == ROUTE_HISTORY ||
	       r->kind == ROUTE_EVENTS || r->kind == ROUTE_REPORT || r->kind == ROUTE_TEXT;
}

bool route__allows(const struct route *r, const char *method)
{
	if (route__is_read(r))
		return !strcmp(method, "GET") || !strcmp(method, "HEAD");
	return !strcmp(method, "POST");
}

const char *route__methods(const struct route *r)
{
	return route__is_read(r) ? "GET, HEAD" : "POST";
}
