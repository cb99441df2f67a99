/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, from its first line to its last byte.
 *
 * A request belongs to two: to its connection, until libmicrohttpd says that it ended, and to the
 * agent, while that owes a reply. It is freed by the one that lets go last, so that a client may
 * leave, or the whole API stop, in the middle of an apply.
 */
#include "api/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/route.h"
#include "fairlead/abi.h"

#define TCP_SYN 0x02 /* a packet that is explained opens a connection, unless it says otherwise */
#define PACKETS_DEFAULT 100 /* of GET /v1/packets and /v1/events */

static json_t *error_object(const char *sentence)
{
	json_t *text = json_string(sentence);

	/* NULL: not UTF-8 (cut in the middle of a character, perhaps), or no memory. */
	if (!text)
		text = json_string("an error whose text is not UTF-8");
	return json_pack("{s:o}", "error", text);
}

/* Gives the answer to libmicrohttpd. MHD_NO closes the connection without one. */
static enum MHD_Result send_reply(struct api_request *r)
{
	struct MHD_Response *response;
	char *text = json_dumps(r->reply, JSON_COMPACT);
	enum MHD_Result rc = MHD_NO;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (MHD_add_response_header(response, "Content-Type", "application/json") == MHD_YES &&
	    MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
	    (!r->allow || MHD_add_response_header(response, "Allow", r->allow) == MHD_YES))
		rc = MHD_queue_response(r->connection, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result answer(struct api_request *r, unsigned int status, json_t *object)
{
	r->status = status;
	r->reply = object;
	return send_reply(r);
}

static enum MHD_Result refuse(struct api_request *r, unsigned int status, const char *sentence)
{
	return answer(r, status, error_object(sentence));
}

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
	const struct api *a = r->api;
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
		return refuse(r, status_of(rc), err.text);
	return answer(r, MHD_HTTP_OK, object);
}

static int run_sources(const struct api_request *r, const struct route *route, json_t **out,
		       struct err *err)
{
	const struct api *a = r->api;
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
	const struct api *a = r->api;
	struct err err = {0};
	json_t *object = NULL;
	int rc;

	if (route->kind == ROUTE_SOURCES)
		rc = a->ops.sources(a->ctx, or_null(route->service), &object, &err);
	else if (route->kind == ROUTE_SAMPLING)
		rc = a->ops.set_sampling(a->ctx, route->has_flows ? &route->flows : NULL,
					 route->has_drops ? &route->drops : NULL, &object, &err);
	else
		rc = run_sources(r, route, &object, &err);
	if (rc)
		return refuse(r, status_of(rc), err.text);
	return answer(r, MHD_HTTP_OK, object);
}

/* An answer that the agent gives now or later. */
static enum MHD_Result wait_for_agent(struct api_request *r)
{
	if (!r->owed)
		return send_reply(r);
	MHD_suspend_connection(r->connection);
	r->suspended = true;
	LIST_INSERT_HEAD(&r->api->waiting, r, entry);
	return MHD_YES;
}

static void ask_events(struct api_request *r, const struct route *route)
{
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

	r->api->ops.events(r->api->ctx, &what, r);
}

static void ask_report(struct api_request *r, const struct route *route)
{
	const struct api_report what = {
		.since_ms = (int64_t)route->since,
		.target_ppm = route->target_ppm,
		.service = route->service,
	};

	r->api->ops.report(r->api->ctx, &what, r);
}

static void ask_apply(struct api_request *r, const struct route *route)
{
	const struct api_apply what = {
		.now = route->now,
		.confirm_ms = route->confirm_ms,
		.reason = route->reason,
		.uid = caller(r),
	};

	r->api->ops.apply(r->api->ctx, &what, r);
}

static void ask_history(struct api_request *r, const struct route *route)
{
	const struct api_history what = {
		.verb = route->kind == ROUTE_CONFIRM	? API_CONFIRM
			: route->kind == ROUTE_ROLLBACK ? API_ROLLBACK
							: API_HISTORY,
		.n = route->has_n ? route->n : PACKETS_DEFAULT,
		.version = (int64_t)route->version,
		.reason = route->reason,
		.uid = caller(r),
	};

	r->api->ops.history(r->api->ctx, &what, r);
}

/* What the agent answers now or later. */
static enum MHD_Result handle_later(struct api_request *r, const struct route *route)
{
	struct api *a = r->api;

	r->owed = true;
	if (route->kind == ROUTE_EVENTS)
		ask_events(r, route);
	else if (route->kind == ROUTE_REPORT)
		ask_report(r, route);
	else if (route->kind == ROUTE_APPLY)
		ask_apply(r, route);
	else if (route->kind == ROUTE_FAILOVER)
		a->ops.failover(a->ctx, route->to[0] ? route->to : NULL, r);
	else
		ask_history(r, route);
	return wait_for_agent(r);
}

static enum MHD_Result handle_explain(struct api_request *r, struct route *route)
{
	struct api_explain *e = &route->explain;
	bool packet = route->has_source;

	if (packet == (r->body != NULL))
		return refuse(r, MHD_HTTP_BAD_REQUEST,
			      packet ? "a frame as the body goes without parameters of a packet"
				     : "the parameters 'source' and 'destination' are needed, or a "
				       "frame as the body");
	if (r->body && (r->body_len < 14 || r->body_len > API_MAX_FRAME))
		return refuse(r, MHD_HTTP_BAD_REQUEST,
			      "a frame has 14 bytes or more, and 16384 at most");
	if (r->body && e->len && e->len < r->body_len)
		return refuse(r, MHD_HTTP_BAD_REQUEST, "'length' is less than the body has");
	if (r->body) {
		e->frame = r->body;
		e->frame_len = r->body_len;
		e->len = e->len ? e->len : r->body_len;
	} else {
		e->proto = e->proto ? e->proto : IPPROTO_TCP;
		if (e->proto == IPPROTO_TCP && !route->has_tcp_flags)
			e->tcp_flags = TCP_SYN;
	}
	if (route->interface[0])
		e->interface = route->interface;
	r->owed = true;
	r->api->ops.explain(r->api->ctx, e, r);
	return wait_for_agent(r);
}

static enum MHD_Result dispatch(struct api_request *r, const char *method)
{
	const struct api *a = r->api;
	struct route route;
	struct err err;
	json_t *object;
	int rc = route__parse(r->uri, &route, &err);

	if (rc)
		return refuse(r, status_of(rc), err.text);
	if (!route__allows(&route, method)) {
		r->allow = route__methods(&route);
		err__set(&err, 0, "this path takes %s only", r->allow);
		return refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, err.text);
	}
	switch (route.kind) {
	case ROUTE_APPLY:
	case ROUTE_CONFIRM:
	case ROUTE_ROLLBACK:
	case ROUTE_HISTORY:
	case ROUTE_EVENTS:
	case ROUTE_REPORT:
	case ROUTE_FAILOVER:
		return handle_later(r, &route);
	case ROUTE_EXPLAIN:
		return handle_explain(r, &route);
	case ROUTE_BACKEND:
	case ROUTE_SAY:
	case ROUTE_WEIGHT:
		return handle_backend(r, &route);
	case ROUTE_STATUS:
		object = a->ops.status(a->ctx);
		break;
	case ROUTE_TIMINGS:
		object = a->ops.timings(a->ctx);
		break;
	case ROUTE_PACKETS:
		object = a->ops.packets(a->ctx, route.has_since ? &route.since : NULL,
					route.has_n ? route.n : PACKETS_DEFAULT);
		break;
	case ROUTE_FAILOVER_UNDO:
		object = a->ops.failover_undo(a->ctx);
		break;
	case ROUTE_VERSION:
		object =
			json_pack("{s:s, s:i}", "version", FAIRLEAD_VERSION, "abi", FL_ABI_VERSION);
		break;
	default:
		return handle_admission(r, &route);
	}
	if (!object)
		return refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "the agent is out of memory");
	return answer(r, MHD_HTTP_OK, object);
}

/* The headers are there, the body is not: the last moment to refuse it unread. */
static enum MHD_Result judge_body(struct api_request *r)
{
	const char *length =
		MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");

	if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Transfer-Encoding"))
		return refuse(r, MHD_HTTP_LENGTH_REQUIRED, "a body needs a Content-Length here");
	if (length && strtoull(length, NULL, 10) > API_MAX_BODY)
		return refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than 64 KiB");
	return MHD_YES;
}

void *api_request__begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct api *a = cls;
	struct api_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->uri = strdup(uri);
	if (!r->uri) {
		free(r);
		return NULL;
	}
	r->api = a;
	r->connection = connection;
	a->open_requests++;
	return r;
}

/* A part of a frame to explain; one that is too long for that is refused when all of it is there. */
static void keep_body(struct api_request *r, const char *data, size_t n)
{
	if (!route__reads_body(r->uri) || r->body_len + n > API_MAX_BODY)
		return;
	if (!r->body)
		r->body = malloc(API_MAX_BODY);
	if (!r->body)
		return;
	memcpy(r->body + r->body_len, data, n);
	r->body_len += n;
}

enum MHD_Result api_request__handle(void *cls, struct MHD_Connection *connection, const char *url,
				    const char *method, const char *version,
				    const char *upload_data, size_t *upload_data_size,
				    void **request)
{
	struct api_request *r = *request;

	/* The context travels in the request; `url` has its escapes decoded already, so "%2F" in an
	 * id could not be told from a slash. */
	(void)cls;
	(void)connection;
	(void)url;
	(void)version;
	if (!r)
		return MHD_NO; /* no memory for it */
	if (!r->begun) {
		r->begun = true;
		return judge_body(r);
	}
	if (*upload_data_size) {
		keep_body(r, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	return r->reply ? send_reply(r) : dispatch(r, method);
}

static void release(struct api_request *r)
{
	json_decref(r->reply);
	free(r->body);
	free(r->uri);
	free(r);
}

void api_request__end(void *cls, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why)
{
	struct api *a = cls;
	struct api_request *r = *request;

	(void)connection;
	(void)why;
	if (!r)
		return;
	*request = NULL;
	a->open_requests--;
	r->connection = NULL;
	if (!r->owed)
		release(r);
}

static void resume(struct api_request *r)
{
	r->suspended = false;
	LIST_REMOVE(r, entry);
	MHD_resume_connection(r->connection);
}

void api_request__reply(struct api_request *r, unsigned int status, json_t *object)
{
	r->owed = false;
	if (!r->connection) {
		json_decref(object);
		release(r);
		return;
	}
	r->status = object ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	r->reply = object ? object : error_object("the agent is out of memory");
	if (r->suspended) {
		resume(r);
		api__wake(r->api);
	}
}

void api_request__stop_all(struct api *a)
{
	while (!LIST_EMPTY(&a->waiting)) {
		struct api_request *r = LIST_FIRST(&a->waiting);

		r->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		r->reply = error_object("the agent is stopping: its traffic goes on, but what was "
					"asked for may not have been done");
		resume(r);
	}
}
