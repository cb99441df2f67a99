/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.c - events as they happen, for browsers: text/event-stream (HTML Living Standard, 9.2).
 *
 * A stream is a chain of questions to the journal, each for what came after the last answer, and it asks the next
 * one only when its client has read that. So a slow client costs one answer's memory; one that has not read it
 * by its connection's deadline is dropped, and goes on where it was when it comes back (Last-Event-ID). While
 * nothing happens, an answer without events comes every few seconds, by which both sides learn that the other
 * has gone. With all places taken, a newcomer gets that of the one who has been there for longest.
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/internal.h"

#define HEARTBEAT_MS 5000
#define BATCH 128 /* events of an answer */
#define LOST_MS 20000 /* without an acknowledgement of what was sent: the client is gone */
#define SEND_BUFFER 65536 /* bytes that the kernel holds for a client at most */
#define BLOCK 4096

struct api_stream {
	TAILQ_ENTRY(api_stream) entry; /* in api.streams */
	struct api_request *request;
	int64_t next; /* the number of the event to go on from */
	char *text; /* the answer that is being read; NULL: none yet */
	size_t len, at;
	bool began; /* its first answer is under way */
};

static void ask(struct api_stream *s)
{
	struct api_request *r = s->request;
	const struct api *a = r->server->api;
	const struct api_events what = {
		.has_since = true,
		.since = s->next,
		.kinds = "",
		.service = "",
		.backend = "",
		.n = BATCH,
		.wait_ms = HEARTBEAT_MS,
		.stream = true,
	};

	r->owed = true;
	a->ops.events(a->ctx, &what, r);
}

static void write_event(FILE *out, const json_t *event)
{
	char *line = json_dumps(event, JSON_COMPACT);

	if (line)
		fprintf(out, "id: %lld\ndata: %s\n\n",
			(long long)json_integer_value(json_object_get(event, "id")), line);
	free(line);
}

/* From the agent's answer to text; false: out of memory. */
static bool take_reply(struct api_stream *s)
{
	struct api_request *r = s->request;
	const json_t *events = json_object_get(r->reply, "events"), *event;
	FILE *out;
	size_t i;

	free(s->text);
	s->text = NULL;
	s->len = s->at = 0;
	out = open_memstream(&s->text, &s->len);
	if (!out)
		return false;
	s->next = json_integer_value(json_object_get(r->reply, "next"));
	if (!s->began)
		fprintf(out, "retry: 2000\n\n");
	s->began = true;
	json_array_foreach (events, i, event) {
		write_event(out, event);
	}
	/* A comment, and where to go on, which makes no event. */
	if (!json_array_size(events))
		fprintf(out, ":\nid: %lld\n\n", (long long)s->next);
	json_decref(r->reply);
	r->reply = NULL;
	return !fclose(out);
}

/* libmicrohttpd wants more of it. */
static ssize_t on_read(void *stream, uint64_t pos, char *to, size_t room)
{
	struct api_stream *s = stream;
	struct api_request *r = s->request;
	size_t n;

	(void)pos;
	while (s->at == s->len) {
		if (!r->reply && r->server->stopping)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (!r->reply && !r->owed)
			ask(s);
		if (!r->reply) {
			api_request__suspend(r);
			return 0;
		}
		/* The journal can't be read, the agent is stopping, or somebody else has its place. */
		if (r->status != MHD_HTTP_OK || !take_reply(s))
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = s->len - s->at < room ? s->len - s->at : room;
	memcpy(to, s->text + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

enum MHD_Result api_stream__send(struct api_request *r)
{
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
									  on_read, r->stream, NULL);
	enum MHD_Result rc = MHD_NO;

	if (!response)
		return MHD_NO;
	/* A proxy on its way would gather it. */
	if (api_request__set_headers(response, "text/event-stream") &&
	    MHD_add_response_header(response, "X-Accel-Buffering", "no") == MHD_YES)
		rc = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return rc;
}

/* The one who has been there for longest goes. */
static void displace_one(struct api *a)
{
	struct api_stream *s = TAILQ_FIRST(&a->streams);

	a->displaced++;
	TAILQ_REMOVE(&a->streams, s, entry);
	a->n_streams--;
	s->request->displaced = true;
	api_request__end_early(s->request, "another client has the place of this one: ask again");
}

/* What the kernel does for it is bounded, too; a unix socket knows nothing of it. */
static void bound(const struct api_conn *c)
{
	unsigned int ms = LOST_MS;
	int bytes = SEND_BUFFER;

	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

enum MHD_Result api_stream__begin(struct api_request *r, const struct api_events *first)
{
	struct api *a = r->server->api;
	struct api_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return api_request__refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, API_NO_MEMORY);
	if (a->n_streams >= API_MAX_STREAMS)
		displace_one(a);
	s->request = r;
	r->stream = s;
	TAILQ_INSERT_TAIL(&a->streams, s, entry);
	a->n_streams++;
	if (r->conn)
		bound(r->conn);
	r->owed = true;
	a->ops.events(a->ctx, first, r);
	return api_request__wait(r);
}

void api_stream__left(struct api_request *r, bool late)
{
	struct api *a = r->server->api;

	if (!r->stream || r->displaced)
		return;
	/* Whichever clock has run out first, libmicrohttpd's or conn.c's. */
	a->slow += late || (r->conn && r->conn->late);
	TAILQ_REMOVE(&a->streams, r->stream, entry);
	a->n_streams--;
}

void api_stream__free(struct api_stream *s)
{
	if (!s)
		return;
	free(s->text);
	free(s);
}
