/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, from its first line to its last byte.
 *
 * A request belongs to two: to its connection, until libmicrohttpd says that it ended, and to the
 * agent, while that owes a reply. It is freed by the one that lets go last, so that a client may
 * leave, or the whole API stop, in the middle of an apply.
 */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/route.h"

static json_t *error_object(const char *sentence)
{
	json_t *text = json_string(sentence);

	/* NULL: not UTF-8 (cut in the middle of a character, perhaps), or no memory. */
	if (!text)
		text = json_string("an error whose text is not UTF-8");
	return json_pack("{s:o}", "error", text);
}

bool api_request__set_headers(struct MHD_Response *response, const char *content_type)
{
	return MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES &&
	       MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
	       MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
}

enum MHD_Result api_request__send(struct api_request *r)
{
	struct MHD_Response *response;
	char *text;
	enum MHD_Result rc = MHD_NO;

	if (r->status == MHD_HTTP_OK && r->stream)
		return api_stream__send(r);
	if (r->text) {
		api_kept__keep(r);
		return MHD_queue_response(r->connection, r->status, api_text__response(r->text));
	}
	text = json_dumps(r->reply, JSON_COMPACT);
	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (api_request__set_headers(response, "application/json") &&
	    (!r->allow || MHD_add_response_header(response, "Allow", r->allow) == MHD_YES) &&
	    (!r->challenge || MHD_add_response_header(response, "WWW-Authenticate",
						      "Bearer realm=\"fairlead\"") == MHD_YES))
		rc = MHD_queue_response(r->connection, r->status, response);
	MHD_destroy_response(response);
	return rc;
}

enum MHD_Result api_request__answer(struct api_request *r, unsigned int status, json_t *object)
{
	r->status = status;
	r->reply = object;
	return api_request__send(r);
}

enum MHD_Result api_request__refuse(struct api_request *r, unsigned int status,
				    const char *sentence)
{
	return api_request__answer(r, status, error_object(sentence));
}

static bool takes_body(const struct api_request *r)
{
	return !r->server->is_public && route__max_body(r->uri);
}

/* The headers are there, the body is not: the last moment to refuse it unread. */
static enum MHD_Result judge_body(struct api_request *r)
{
	const char *length =
		MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");
	size_t most = takes_body(r) ? route__max_body(r->uri) : 0;
	unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
	char text[64];

	if (most < API_MAX_BODY)
		most = API_MAX_BODY;

	if (MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Transfer-Encoding"))
		return api_request__refuse(r, MHD_HTTP_LENGTH_REQUIRED,
					   "a body needs a Content-Length here");
	if (n > most) {
		snprintf(text, sizeof(text), "the body is longer than %zu KiB", most >> 10);
		return api_request__refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, text);
	}
	if (!n || !takes_body(r))
		return MHD_YES;
	r->body = malloc(n);
	r->body_room = n;
	return r->body ? MHD_YES
		       : api_request__refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, API_NO_MEMORY);
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

/* A part of it, if it is one that is looked at; what of it is too long is refused when all of it is there. */
static void keep_body(struct api_request *r, const char *data, size_t n)
{
	if (!r->body || n > r->body_room - r->body_len)
		return;
	memcpy(r->body + r->body_len, data, n);
	r->body_len += n;
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
	if (r->reply || r->text)
		return api_request__send(r);
	if (r->server->stopping)
		return api_request__refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE,
					   "this server is closing: nothing was done");
	if (api_request__postpone(r))
		return MHD_YES;
	r->server->dispatched = true;
	return api_request__dispatch(r, method);
}

static void release(struct api_request *r)
{
	json_decref(r->reply);
	api_text__drop(r->text);
	api_stream__free(r->stream);
	free(r->body);
	free(r->uri);
	free(r);
}

void api_request__end(void *server, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why)
{
	struct api_server *s = server;
	struct api_request *r = *request;

	(void)connection;
	if (!r)
		return;
	*request = NULL;
	s->open_requests--;
	api_stream__left(r, why == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED);
	if (r->conn)
		api_conn__renew(s, r->conn);
	r->connection = NULL;
	if (!r->owed)
		release(r);
}

void api_request__suspend(struct api_request *r)
{
	MHD_suspend_connection(r->connection);
	r->suspended = true;
	if (r->conn)
		r->conn->suspended = true;
	LIST_INSERT_HEAD(&r->server->waiting, r, entry);
}

enum MHD_Result api_request__wait(struct api_request *r)
{
	if (!r->owed)
		return api_request__send(r);
	api_request__suspend(r);
	return MHD_YES;
}

static void resume(struct api_request *r)
{
	r->suspended = false;
	if (r->conn) {
		r->conn->suspended = false;
		api_conn__renew(r->server, r->conn);
	}
	LIST_REMOVE(r, entry);
	if (r->postponed)
		TAILQ_REMOVE(&r->server->postponed, r, postponed_entry);
	r->postponed = false;
	MHD_resume_connection(r->connection);
}

bool api_request__postpone(struct api_request *r)
{
	struct api_server *s = r->server;

	if (r->admitted || (TAILQ_EMPTY(&s->postponed) && uv_hrtime() < s->until_ns))
		return false;
	api_request__suspend(r);
	r->postponed = true;
	TAILQ_INSERT_TAIL(&s->postponed, r, postponed_entry);
	return true;
}

void api_request__admit(struct api_server *s)
{
	struct api_request *r = TAILQ_FIRST(&s->postponed);

	r->admitted = true;
	resume(r);
}

/* Whether an answer comes in time: the client is there, and nobody has ended its request. */
static bool is_wanted(struct api_request *r)
{
	r->owed = false;
	if (r->connection && !r->reply)
		return true;
	if (!r->connection)
		release(r);
	return false;
}

static void answered(struct api_request *r)
{
	if (!r->suspended)
		return;
	resume(r);
	api_server__wake(r->server);
}

void api_request__reply(struct api_request *r, unsigned int status, json_t *object)
{
	if (!is_wanted(r)) {
		json_decref(object);
		return;
	}
	r->status = object ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	r->reply = object ? object : error_object(API_NO_MEMORY);
	answered(r);
}

void api_request__reply_text(struct api_request *const *requests, size_t n, char *text, size_t len,
			     const char *type)
{
	struct api_text *t = api_text__new(text, len, type);

	for (size_t i = 0; i < n; i++) {
		struct api_request *r = requests[i];

		if (!t) {
			api_request__reply(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
		} else if (is_wanted(r)) {
			r->status = MHD_HTTP_OK;
			r->text = api_text__share(t);
			answered(r);
		}
	}
	api_text__drop(t);
}

static void end_waiting(struct api_request *r, const char *sentence)
{
	r->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	r->reply = error_object(sentence);
	resume(r);
}

void api_request__end_early(struct api_request *r, const char *sentence)
{
	if (r->suspended) {
		end_waiting(r, sentence);
		api_server__wake(r->server);
	} else if (r->conn && !r->conn->ending) {
		api_conn__end(r->server, r->conn);
	}
}

void api_request__stop_all(struct api_server *s)
{
	while (!LIST_EMPTY(&s->waiting))
		end_waiting(
			LIST_FIRST(&s->waiting),
			"the agent is stopping: its traffic goes on, but what was asked for may "
			"not have been done");
}
