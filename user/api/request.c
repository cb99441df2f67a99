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

#include "api/openapi.h"
#include "api/route.h"
#include "core/prom.h"
#include "fairlead/abi.h"

#define PACKETS_DEFAULT 100 /* events of GET /v1/packets */
#define NO_MEMORY "the agent is out of memory"

static json_t *error_object(const char *sentence)
{
	json_t *text = json_string(sentence);

	/* NULL: not UTF-8 (cut in the middle of a character, perhaps), or no memory. */
	if (!text)
		text = json_string("an error whose text is not UTF-8");
	return json_pack("{s:o}", "error", text);
}

static bool set_headers(struct MHD_Response *response, const char *content_type)
{
	return MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES &&
	       MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
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
	if (set_headers(response, "application/json") &&
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

static enum MHD_Result handle_backend(struct api_request *r, const struct route *route)
{
	const struct api *a = r->server->api;
	struct err err = {0};
	json_t *object = NULL;
	const char *service = route->service[0] ? route->service : NULL;
	int rc;

	if (route->kind == ROUTE_BACKEND)
		rc = a->ops.backend(a->ctx, route->backend, service, &object, &err);
	else
		rc = a->ops.say(a->ctx, route->backend, service, &route->word, &object, &err);
	if (rc)
		return refuse(r, status_of(rc), err.text);
	return answer(r, MHD_HTTP_OK, object);
}

static int run_sources(const struct api *a, const struct route *route, json_t **out,
		       struct err *err)
{
	const struct api_sources what = {
		.verb = route->kind == ROUTE_SOURCES_DENY    ? API_SOURCE_DENY
			: route->kind == ROUTE_SOURCES_ALLOW ? API_SOURCE_ALLOW
							     : API_SOURCE_REMOVE,
		.prefixes = route->prefixes,
		.n = route->n_prefixes,
		.service = route->service[0] ? route->service : NULL,
		.monitor = route->monitor,
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
		rc = a->ops.sources(a->ctx, route->service[0] ? route->service : NULL, &object,
				    &err);
	else if (route->kind == ROUTE_SAMPLING)
		rc = a->ops.set_sampling(a->ctx, route->has_flows ? &route->flows : NULL,
					 route->has_drops ? &route->drops : NULL, &object, &err);
	else
		rc = run_sources(a, route, &object, &err);
	if (rc)
		return refuse(r, status_of(rc), err.text);
	return answer(r, MHD_HTTP_OK, object);
}

static enum MHD_Result handle_apply(struct api_request *r, const struct route *route)
{
	struct api *a = r->server->api;

	r->owed = true;
	a->ops.apply(a->ctx, route->now, r);
	if (!r->owed)
		return send_reply(r);
	MHD_suspend_connection(r->connection);
	r->suspended = true;
	if (r->conn)
		r->conn->suspended = true;
	LIST_INSERT_HEAD(&r->server->waiting, r, entry);
	return MHD_YES;
}

/*
 * Made once between two ticks, however many ask: it is a few milliseconds of work for thousands of backends.
 * Who is slow to read it holds an old one, and has no more time for it than for anything.
 */
static struct MHD_Response *make_metrics(const struct api *a)
{
	struct MHD_Response *response;
	size_t len;
	char *text = a->ops.metrics(a->ctx, &len);

	if (!text)
		return NULL;
	response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	if (set_headers(response, PROM_CONTENT_TYPE))
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static enum MHD_Result handle_metrics(struct api_request *r)
{
	struct api *a = r->server->api;

	if (!a->metrics)
		a->metrics = make_metrics(a);
	if (!a->metrics)
		return refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NO_MEMORY);
	return MHD_queue_response(r->connection, MHD_HTTP_OK, a->metrics);
}

static enum MHD_Result handle_healthz(struct api_request *r)
{
	const struct api *a = r->server->api;
	json_t *problems = a->ops.problems(a->ctx);
	bool ok = json_array_size(problems) == 0;
	json_t *object = json_pack("{s:b, s:o}", "ok", ok, "problems", problems);

	if (!object)
		return refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NO_MEMORY);
	return answer(r, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, object);
}

static enum MHD_Result handle_openapi(struct api_request *r)
{
	/* libmicrohttpd writes nothing to it. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
		(size_t)openapi_len, (void *)openapi_text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc = MHD_NO;

	if (!response)
		return MHD_NO;
	if (set_headers(response, "application/json"))
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
	case ROUTE_STATUS:
		object = a->ops.status(a->ctx);
		break;
	case ROUTE_TIMINGS:
		object = a->ops.timings(a->ctx);
		break;
	case ROUTE_PACKETS:
		object = a->ops.packets(a->ctx, route->has_since ? &route->since : NULL,
					route->has_n ? route->n : PACKETS_DEFAULT);
		break;
	default:
		object =
			json_pack("{s:s, s:i}", "version", FAIRLEAD_VERSION, "abi", FL_ABI_VERSION);
		break;
	}
	if (!object)
		return refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NO_MEMORY);
	return answer(r, MHD_HTTP_OK, object);
}

static enum MHD_Result dispatch(struct api_request *r, const char *method)
{
	struct route route;
	struct err err;
	int rc = route__parse(r->uri, &route, &err);

	if (!rc && r->server->is_public && !route__is_public(&route))
		rc = err__set(&err, -ENOENT,
			      "this path is on the agent's unix socket only: see docs/api.md");
	if (rc)
		return refuse(r, status_of(rc), err.text);
	if (!route__allows(&route, method)) {
		r->allow = route__methods(&route);
		err__set(&err, 0, "this path takes %s only", r->allow);
		return refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, err.text);
	}
	switch (route.kind) {
	case ROUTE_METRICS:
		return handle_metrics(r);
	case ROUTE_HEALTHZ:
		return handle_healthz(r);
	case ROUTE_OPENAPI:
		return handle_openapi(r);
	case ROUTE_APPLY:
		return handle_apply(r, &route);
	case ROUTE_BACKEND:
	case ROUTE_SAY:
	case ROUTE_WEIGHT:
		return handle_backend(r, &route);
	case ROUTE_STATUS:
	case ROUTE_TIMINGS:
	case ROUTE_PACKETS:
	case ROUTE_VERSION:
		return handle_read(r, &route);
	default:
		return handle_admission(r, &route);
	}
}

/* The headers are there, the body is not: the last moment to refuse it unread. */
static enum MHD_Result judge_body(struct api_request *r)
{
	const char *length =
		MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");

	if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Transfer-Encoding"))
		return refuse(r, MHD_HTTP_LENGTH_REQUIRED,
			      "a body needs a Content-Length here; no path of this API reads one");
	if (length && strtoull(length, NULL, 10) > API_MAX_BODY)
		return refuse(r, MHD_HTTP_CONTENT_TOO_LARGE,
			      "the body is longer than 64 KiB; no path of this API reads one");
	return MHD_YES;
}

void *api_request__begin(void *server, const char *uri, struct MHD_Connection *connection)
{
	struct api_server *s = server;
	struct api_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->uri = strdup(uri);
	if (!r->uri) {
		free(r);
		return NULL;
	}
	r->server = s;
	r->connection = connection;
	r->conn = api_conn__of(connection);
	if (r->conn)
		api_conn__renew(s, r->conn);
	s->open_requests++;
	return r;
}

enum MHD_Result api_request__handle(void *server, struct MHD_Connection *connection,
				    const char *url, const char *method, const char *version,
				    const char *upload_data, size_t *upload_data_size,
				    void **request)
{
	struct api_request *r = *request;

	/* The context travels in the request; `url` has its escapes decoded already, so "%2F" in an
	 * id could not be told from a slash. */
	(void)server;
	(void)connection;
	(void)url;
	(void)version;
	(void)upload_data;
	if (!r)
		return MHD_NO; /* no memory for it */
	if (!r->begun) {
		r->begun = true;
		return judge_body(r);
	}
	if (*upload_data_size) {
		*upload_data_size = 0;
		return MHD_YES;
	}
	return r->reply ? send_reply(r) : dispatch(r, method);
}

static void release(struct api_request *r)
{
	json_decref(r->reply);
	free(r->uri);
	free(r);
}

void api_request__end(void *server, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why)
{
	struct api_server *s = server;
	struct api_request *r = *request;

	(void)connection;
	(void)why;
	if (!r)
		return;
	*request = NULL;
	s->open_requests--;
	if (r->conn)
		api_conn__renew(s, r->conn);
	r->connection = NULL;
	if (!r->owed)
		release(r);
}

static void resume(struct api_request *r)
{
	r->suspended = false;
	if (r->conn) {
		r->conn->suspended = false;
		api_conn__renew(r->server, r->conn);
	}
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
	r->reply = object ? object : error_object(NO_MEMORY);
	if (r->suspended) {
		resume(r);
		api_server__wake(r->server);
	}
}

void api_request__stop_all(struct api_server *s)
{
	while (!LIST_EMPTY(&s->waiting)) {
		struct api_request *r = LIST_FIRST(&s->waiting);

		r->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		r->reply = error_object("the agent is stopping: its traffic goes on, but what was "
					"asked for may not have been done");
		resume(r);
	}
}
