/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch.c - what becomes of a request: from its target to the agent's answer, or to waiting for that. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "api/internal.h"
#include "api/openapi.h"
#include "api/query_read.h"
#include "api/route.h"
#include "fairlead/abi.h"

#define PACKETS_DEFAULT 100 /* of GET /v1/packets and /v1/events */
#define TIMELINE_MS 30000 /* all of the journal is read for it */

static unsigned int status_of(int rc)
{
	switch (rc) {
	case -ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case -ENAMETOOLONG:
		return MHD_HTTP_URI_TOO_LONG;
	case -EINVAL:
		return MHD_HTTP_BAD_REQUEST;
	case -EBUSY:
		return MHD_HTTP_CONFLICT;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

/* The user at the other end of the socket, unix(7). */
static uint32_t caller(const struct api_request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer = {.uid = API_NOBODY};
	socklen_t len = sizeof(peer);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return API_NOBODY;
	return peer.uid;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static enum MHD_Result handle_backend(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	struct err err = {0};
	json_t *object = NULL;
	struct api_word word = route->word;
	int rc;

	word.uid = caller(r);
	if (route->kind == ROUTE_BACKEND)
		rc = a->ops.backend(a->ctx, route->backend, or_null(route->service), &object, &err);
	else
		rc = a->ops.say(a->ctx, route->backend, or_null(route->service), &word, &object,
				&err);
	if (rc)
		return api_request__refuse(r, status_of(rc), err.text);
	return api_request__answer(r, MHD_HTTP_OK, object);
}

static int run_sources(const struct api_request *r, const struct route *route, json_t **out,
		       struct err *err)
{
	const struct api *a = r->server->api;
	const struct api_sources what = {
		.verb = route->kind == ROUTE_SOURCES_DENY    ? API_SOURCE_DENY
			: route->kind == ROUTE_SOURCES_ALLOW ? API_SOURCE_ALLOW
							     : API_SOURCE_REMOVE,
		.prefixes = route->prefixes,
		.n = route->n_prefixes,
		.service = or_null(route->service),
		.monitor = route->monitor,
		.uid = caller(r),
	};

	return a->ops.set_sources(a->ctx, &what, out, err);
}

/* What is answered at once with an object or an error. */
static enum MHD_Result handle_admission(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	struct err err = {0};
	json_t *object = NULL;
	int rc;

	if (route->kind == ROUTE_SOURCES)
		rc = a->ops.sources(a->ctx, or_null(route->service), &object, &err);
	else if (route->kind == ROUTE_SAMPLING)
		rc = a->ops.set_sampling(a->ctx, route->has_flows ? &route->flows : NULL,
					 route->has_drops ? &route->drops : NULL, &object, &err);
	else if (route->kind == ROUTE_CAPTURE_NEXT || route->kind == ROUTE_CAPTURE_STOP)
		rc = a->ops.captured(a->ctx, route->id, route->kind == ROUTE_CAPTURE_STOP, &object,
				     &err);
	else
		rc = run_sources(r, route, &object, &err);
	if (rc)
		return api_request__refuse(r, status_of(rc), err.text);
	return api_request__answer(r, MHD_HTTP_OK, object);
}

static void ask_events(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	const struct api_events what = {
		.has_since = route->has_since,
		.since = (int64_t)route->since,
		.after_ms = (int64_t)route->after_ms,
		.kinds = route->kinds,
		.service = route->service,
		.backend = route->backend,
		.n = route->has_n ? route->n : PACKETS_DEFAULT,
		.wait_ms = route->wait_ms,
	};

	a->ops.events(a->ctx, &what, r);
}

/*
 * What many ask for often, made once for all of them. The key is of what was understood, not of how it was
 * written.
 */
static enum MHD_Result handle_kept(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	struct err err = {0};
	char *text = NULL;
	size_t len = 0;
	int rc;

	snprintf(r->key, sizeof(r->key), "%d %u %s", (int)route->kind, route->hours,
		 route->service);
	r->keep_ms = route->kind == ROUTE_TIMELINE ? TIMELINE_MS : 0;
	r->text = api_kept__find(r);
	if (r->text) {
		r->status = MHD_HTTP_OK;
		return api_request__send(r);
	}
	if (route->kind == ROUTE_OVERVIEW) {
		rc = a->ops.overview(a->ctx, or_null(route->service), &text, &len, &err);
		if (rc)
			return api_request__refuse(r, status_of(rc), err.text);
	}
	r->owed = true;
	if (route->kind == ROUTE_OVERVIEW)
		api_request__reply_text(&r, 1, text, len, "application/json");
	else if (route->kind == ROUTE_METRICS)
		a->ops.metrics(a->ctx, r);
	else
		a->ops.timeline(a->ctx, route->hours, r);
	return api_request__wait(r);
}

/* From where a browser was cut off, it goes on by itself. */
static enum MHD_Result handle_stream(struct api_request *r, const struct route *route)
{
	const char *last =
		MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");
	struct api_events first = {
		.has_since = route->has_since,
		.since = (int64_t)route->since,
		.kinds = "",
		.service = "",
		.backend = "",
		.n = route->has_n ? route->n : PACKETS_DEFAULT,
		.stream = true,
	};

	if (last) {
		char *end;

		errno = 0;
		first.since = strtoll(last, &end, 10);
		if (*last < '0' || *last > '9' || *end || errno)
			return api_request__refuse(r, MHD_HTTP_BAD_REQUEST,
						   "Last-Event-ID is not the number of an event");
		first.has_since = true;
	}
	return api_stream__begin(r, &first);
}

static void ask_report(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	const struct api_report what = {
		.since_ms = (int64_t)route->since,
		.target_ppm = route->target_ppm,
		.service = route->service,
	};

	a->ops.report(a->ctx, &what, r);
}

static void ask_apply(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	const struct api_apply what = {
		.now = route->now,
		.all = route->all,
		.confirm_ms = route->confirm_ms,
		.reason = route->reason,
		.uid = caller(r),
	};

	a->ops.apply(a->ctx, &what, r);
}

static enum MHD_Result handle_diff(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	const struct api_diff what = {
		.now = route->now,
		.version = (int64_t)route->version,
		.text = (const char *)r->body,
		.len = r->body_len,
	};

	if (what.version && what.text)
		return api_request__refuse(r, MHD_HTTP_BAD_REQUEST,
					   "a configuration as the body goes without 'version'");
	r->owed = true;
	a->ops.diff(a->ctx, &what, r);
	return api_request__wait(r);
}

static void ask_history(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	const struct api_history what = {
		.verb = route->kind == ROUTE_CONFIRM	? API_CONFIRM
			: route->kind == ROUTE_ROLLBACK ? API_ROLLBACK
			: route->kind == ROUTE_TEXT	? API_TEXT
							: API_HISTORY,
		.n = route->has_n ? route->n : PACKETS_DEFAULT,
		.version = (int64_t)route->version,
		.all = route->all,
		.reason = route->reason,
		.uid = caller(r),
	};

	a->ops.history(a->ctx, &what, r);
}

static void ask_capture(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	struct api_capture what = route->capture;

	what.service = route->service;
	what.backend = route->backend;
	what.verdicts = route->verdicts;
	a->ops.capture(a->ctx, &what, r);
}

/* What the agent answers now or later. */
static enum MHD_Result handle_later(struct api_request *r, const struct route *route)
{
	struct api *a = r->server->api;

	r->owed = true;
	if (route->kind == ROUTE_STATUS)
		a->ops.status(a->ctx, or_null(route->service), or_null(route->backend), r);
	else if (route->kind == ROUTE_RATES)
		a->ops.rates(a->ctx, route->layout, route->known, r);
	else if (route->kind == ROUTE_EVENTS)
		ask_events(r, route);
	else if (route->kind == ROUTE_REPORT)
		ask_report(r, route);
	else if (route->kind == ROUTE_APPLY)
		ask_apply(r, route);
	else if (route->kind == ROUTE_ALERTS_TEST)
		a->ops.test_alerts(a->ctx, or_null(route->name), r);
	else if (route->kind == ROUTE_CAPTURE_START)
		ask_capture(r, route);
	else if (route->kind == ROUTE_FAILOVER)
		a->ops.failover(a->ctx, route->to[0] ? route->to : NULL, r);
	else
		ask_history(r, route);
	return api_request__wait(r);
}

static enum MHD_Result handle_explain(struct api_request *r, struct route *route)
{
	const struct api *a = r->server->api;
	struct api_explain *e = &route->explain;
	bool packet = route->has_source;

	if (packet == (r->body != NULL))
		return api_request__refuse(
			r, MHD_HTTP_BAD_REQUEST,
			packet ? "a frame as the body goes without parameters of a packet"
			       : "the parameters 'source' and 'destination' are needed, or a "
				 "frame as the body");
	if (r->body && (r->body_len < 14 || r->body_len > API_MAX_FRAME))
		return api_request__refuse(r, MHD_HTTP_BAD_REQUEST,
					   "a frame has 14 bytes or more, and 16384 at most");
	if (r->body && e->len && e->len < r->body_len)
		return api_request__refuse(r, MHD_HTTP_BAD_REQUEST,
					   "'length' is less than the body has");
	if (r->body) {
		e->frame = r->body;
		e->frame_len = r->body_len;
		e->len = e->len ? e->len : r->body_len;
	} else {
		query_explain__complete(route);
	}
	if (route->interface[0])
		e->interface = route->interface;
	r->owed = true;
	a->ops.explain(a->ctx, e, r);
	return api_request__wait(r);
}

static enum MHD_Result handle_healthz(struct api_request *r)
{
	const struct api *a = r->server->api;
	json_t *problems = a->ops.problems(a->ctx);
	bool ok = json_array_size(problems) == 0;
	json_t *object = json_pack("{s:b, s:o}", "ok", ok, "problems", problems);

	if (!object)
		return api_request__refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, API_NO_MEMORY);
	return api_request__answer(r, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, object);
}

static enum MHD_Result handle_openapi(struct api_request *r)
{
	/* libmicrohttpd writes nothing to it. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		(size_t)openapi_len, (void *)openapi_text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc = MHD_NO;

	if (!response)
		return MHD_NO;
	if (api_request__set_headers(response, "application/json"))
		rc = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return rc;
}

/* What is answered at once by what is known. */
static enum MHD_Result handle_read(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	json_t *object;

	switch (route->kind) {
	case ROUTE_TIMINGS:
		object = a->ops.timings(a->ctx);
		break;
	case ROUTE_PACKETS:
		object = a->ops.packets(a->ctx, route->has_since ? &route->since : NULL,
					route->has_n ? route->n : PACKETS_DEFAULT);
		break;
	case ROUTE_FAILOVER_UNDO:
		object = a->ops.failover_undo(a->ctx);
		break;
	default:
		object =
			json_pack("{s:s, s:i}", "version", FAIRLEAD_VERSION, "abi", FL_ABI_VERSION);
		break;
	}
	if (!object)
		return api_request__refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, API_NO_MEMORY);
	return api_request__answer(r, MHD_HTTP_OK, object);
}

enum MHD_Result api_request__dispatch(struct api_request *r, const char *method)
{
	struct route route;
	struct err err;
	int rc = route__parse(r->uri, &route, &err);

	if (!rc && r->server->is_public && !route__is_public(&route))
		rc = err__set(&err, -ENOENT,
			      "this path is on the agent's unix socket only: see docs/api.md");
	if (rc)
		return api_request__refuse(r, status_of(rc), err.text);
	if (!route__allows(&route, method)) {
		r->allow = route__methods(&route);
		err__set(&err, 0, "this path takes %s only", r->allow);
		return api_request__refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, err.text);
	}
	rc = route__is_read(&route) ? 0 : api_token__check(r, &err);
	if (rc) {
		r->challenge = rc == -EACCES;
		return api_request__refuse(
			r, r->challenge ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_FORBIDDEN, err.text);
	}
	switch (route.kind) {
	case ROUTE_PAGE:
	case ROUTE_FILE:
		return api_page__answer(r, route.file);
	case ROUTE_METRICS:
	case ROUTE_OVERVIEW:
	case ROUTE_TIMELINE:
		return handle_kept(r, &route);
	case ROUTE_STREAM:
		return handle_stream(r, &route);
	case ROUTE_HEALTHZ:
		return handle_healthz(r);
	case ROUTE_OPENAPI:
		return handle_openapi(r);
	case ROUTE_APPLY:
	case ROUTE_CONFIRM:
	case ROUTE_ROLLBACK:
	case ROUTE_HISTORY:
	case ROUTE_TEXT:
	case ROUTE_EVENTS:
	case ROUTE_REPORT:
	case ROUTE_STATUS:
	case ROUTE_RATES:
	case ROUTE_FAILOVER:
	case ROUTE_ALERTS_TEST:
	case ROUTE_CAPTURE_START:
		return handle_later(r, &route);
	case ROUTE_DIFF:
		return handle_diff(r, &route);
	case ROUTE_EXPLAIN:
		return handle_explain(r, &route);
	case ROUTE_BACKEND:
	case ROUTE_SAY:
	case ROUTE_WEIGHT:
		return handle_backend(r, &route);
	case ROUTE_TIMINGS:
	case ROUTE_PACKETS:
	case ROUTE_FAILOVER_UNDO:
	case ROUTE_VERSION:
		return handle_read(r, &route);
	default:
		return handle_admission(r, &route);
	}
}
