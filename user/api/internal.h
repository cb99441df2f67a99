/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - what the files of the API share.
 *
 * socket.c makes the listening sockets, server.c joins libmicrohttpd to the loop, once for each of them, conn.c
 * bounds what connections take, request.c is one request's life, dispatch.c gets its answer, route.c says what a
 * request line asks for, token.c who may change something. kept.c has answers that many share, stream.c those that never end, page.c the dashboard's
 * files.
 * Everything runs on the loop's thread.
 */
#ifndef FAIRLEAD_API_INTERNAL_H
#define FAIRLEAD_API_INTERNAL_H

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "api/api.h"
#include "api/asset.h"
#include "fairlead/abi.h"

#define API_MAX_CONNECTIONS 64 /* of a server */
#define API_DEADLINE_MS 30000 /* for a whole request, and its answer */
#define API_PUBLIC_DEADLINE_MS 10000
#define API_MAX_STREAMS 32 /* of events, of all servers */
#define API_KEY_LEN (FL_NAME_LEN + 32)
#define API_MAX_BODY 65536 /* bytes; where none is asked for it is thrown away */
#define API_CONNECTION_MEMORY (16 * 1024) /* bytes: request line, headers and the reply's headers */

#define API_NO_MEMORY "the agent is out of memory"

struct api {
	struct api_server *local; /* on the unix socket */
	struct api_server *listener; /* on a TCP socket, read-only; NULL: there is none */
	uv_loop_t *loop;
	struct api_ops ops;
	void *ctx;
	LIST_HEAD(, api_kept) kept;
	TAILQ_HEAD(, api_stream) streams; /* who has been there for longest first */
	unsigned int n_streams;
	uint64_t slow,
		displaced; /* streams that were ended: their client did not read; for another one */
	unsigned int servers; /* that are not closed yet: the last one frees it */
	char *path;
	struct err
		token_failure; /* why its file could not be used when it was looked at last; "": it could */
	dev_t dev; /* of our socket, so that a successor's is never removed */
	ino_t ino;
};

/* A connection; how it is told from others is libmicrohttpd's business. */
struct api_conn {
	TAILQ_ENTRY(api_conn) entry;
	int fd;
	uint64_t since_ms; /* uv_now(): it began, began its request, or got its last answer */
	bool suspended; /* the agent owes it a reply */
	bool ending;
	bool late; /* its deadline was over */
};

TAILQ_HEAD(api_conns, api_conn); /* who has waited longest first */

/* A listening socket and its connections. */
struct api_server {
	struct api *api;
	struct MHD_Daemon *daemon;
	uv_poll_t poll; /* libmicrohttpd's epoll descriptor: readable when it has work */
	uv_timer_t timer; /* idle timeouts, and work that is due now */
	unsigned int open_handles; /* of the two above; the memory goes with the last */
	unsigned int open_requests;
	bool wake; /* a connection was resumed since MHD_run() last began */
	bool is_public; /* whoever reaches it may ask: reads only, and not without bounds */
	uint32_t deadline_ms;
	struct api_conns conns;
	unsigned int n_conns; /* but for those that are ending */
	LIST_HEAD(, api_request) waiting; /* requests whose connection is suspended */
	TAILQ_HEAD(, api_request) postponed; /* those of them whose turn has not come */
	uint64_t
		until_ns; /* CLOCK_MONOTONIC: requests that are there later wait for another turn */
	bool dispatched; /* a request was, since this turn began */
	bool resting; /* until the timer says so, this server has no turn */
	bool stopping; /* what comes now is refused, and asked of nobody */
};

struct api_request {
	LIST_ENTRY(api_request) entry; /* in `waiting` while suspended */
	TAILQ_ENTRY(api_request) postponed_entry;
	struct api_server *server; /* valid while `connection` is */
	struct MHD_Connection *connection; /* NULL once the client's side has ended */
	struct api_conn *conn; /* likewise */
	char *uri; /* as the client wrote it, escapes included */
	uint8_t *body; /* NULL: none came, or none is asked for */
	size_t body_len, body_room;
	const char *allow; /* value of the Allow header; NULL: no such header */
	bool challenge; /* it is told that a token is needed (RFC 9110 11.6.1) */
	json_t *reply; /* NULL until the request is answered, by this */
	struct api_text *text; /* or by that */
	unsigned int status;
	char key[API_KEY_LEN]; /* of its answer among those that are kept; "": it is its alone */
	uint32_t keep_ms; /* for how long it is kept, until the next tick at least */
	struct api_stream *stream; /* NULL: it gets one answer */
	bool displaced; /* its stream is no longer among the others */
	bool begun; /* the headers were judged */
	bool owed; /* the agent has not called api_request__reply() yet */
	bool suspended;
	bool postponed; /* it is in the server's list of those */
	bool admitted; /* its turn has come */
};

/* --- socket.c --------------------------------------------------------------------------------------- */

/* Makes the socket, bound and listening, as api__new() promises; fills path, dev and ino. */
int api_socket__listen(struct api *a, const char *path, const char *group, int *out,
		       struct err *warning, struct err *err);

/* Removes the socket from the file system if it is still ours. */
void api_socket__remove(const struct api *a);

/* --- server.c --------------------------------------------------------------------------------------- */

/* Serves what connects to `fd`, which is its own from here on, even on failure; `name` is for the error. */
int api_server__start(struct api *a, int fd, const char *name, bool is_public,
		      struct api_server **out, struct err *err);
/* Answers open requests with 503 and closes; the memory goes once the loop has run. NULL is fine. */
void api_server__stop(struct api_server *s);
/* Has libmicrohttpd run at the loop's next turn. */
void api_server__wake(struct api_server *s);
/* Once a second. */
void api_server__tick(struct api_server *s);

/* --- conn.c ----------------------------------------------------------------------------------------- */

/* libmicrohttpd's callback for the beginning and the end of a connection. */
void api_conn__notify(void *server, struct MHD_Connection *connection, void **socket_context,
		      enum MHD_ConnectionNotificationCode code);
struct api_conn *api_conn__of(struct MHD_Connection *connection);
/* Its deadline is counted from now. */
void api_conn__renew(struct api_server *s, struct api_conn *c);
/* Ends it as soon as libmicrohttpd looks at it. */
void api_conn__end(struct api_server *s, struct api_conn *c);
/* Ends those whose deadline is over. */
void api_conns__expire(struct api_server *s);

/* --- request.c -------------------------------------------------------------------------------------- */

/* libmicrohttpd's callbacks for one request, in the order of its life. */
void *api_request__begin(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result api_request__handle(void *server, struct MHD_Connection *connection,
				    const char *url, const char *method, const char *version,
				    const char *upload_data, size_t *upload_data_size,
				    void **request);
void api_request__end(void *server, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why);

/* False: out of memory. */
bool api_request__set_headers(struct MHD_Response *response, const char *content_type);
/*
 * Give libmicrohttpd the request's reply, that object (reference is taken over), or an error. MHD_NO closes the
 * connection without one.
 */
enum MHD_Result api_request__send(struct api_request *r);
enum MHD_Result api_request__answer(struct api_request *r, unsigned int status, json_t *object);
enum MHD_Result api_request__refuse(struct api_request *r, unsigned int status,
				    const char *sentence);

/* Has its connection wait until the agent replies. */
void api_request__suspend(struct api_request *r);
/* Has it wait for a turn, if others do already, or this one has been long enough. */
bool api_request__postpone(struct api_request *r);
/* It is the turn of the one that has waited for longest; there is one. */
void api_request__admit(struct api_server *s);
/* The answer, if the agent has replied; else waits for it. */
enum MHD_Result api_request__wait(struct api_request *r);
/* Ends it with 503, or a stream where it is, though the agent may owe a reply still. */
void api_request__end_early(struct api_request *r, const char *sentence);
/* Answers every suspended request with 503: the agent is stopping. */
void api_request__stop_all(struct api_server *s);

/* --- token.c ---------------------------------------------------------------------------------------- */

/* Whether it may change something: 0; -EACCES: not with what it has; -EPERM: nobody may; and a sentence. */
int api_token__check(const struct api_request *r, struct err *err);

/* --- dispatch.c ------------------------------------------------------------------------------------- */

/* All of the request is there: answers it, or has it wait for the agent. */
enum MHD_Result api_request__dispatch(struct api_request *r, const char *method);

/* --- kept.c ----------------------------------------------------------------------------------------- */

/* An answer that many may get, counted. */
struct api_text;

/* Takes over `text`, of `len` bytes. NULL: out of memory. */
struct api_text *api_text__new(char *text, size_t len, const char *type);
struct api_text *api_text__share(struct api_text *t);
/* NULL is fine. */
void api_text__drop(struct api_text *t);
struct MHD_Response *api_text__response(const struct api_text *t);

/* The answer of the request's key, one more of it; NULL: there is none. */
struct api_text *api_kept__find(const struct api_request *r);
/* Keeps the request's text under its key, if it has one. */
void api_kept__keep(struct api_request *r);
/* Drops those whose time is over, or all. */
void api_kept__expire(struct api *a, bool all);

/* --- stream.c --------------------------------------------------------------------------------------- */

/* Begins a stream with the answer to that question. */
enum MHD_Result api_stream__begin(struct api_request *r, const struct api_events *first);
/* Its first answer is there. */
enum MHD_Result api_stream__send(struct api_request *r);
/* The client has gone, or was too late to read. A request without a stream is fine. */
void api_stream__left(struct api_request *r, bool late);
void api_stream__free(struct api_stream *s);

/* --- page.c ----------------------------------------------------------------------------------------- */

enum MHD_Result api_page__answer(struct api_request *r, const struct asset *a);

#endif
