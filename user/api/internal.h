/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - what the files of the API share.
 *
 * socket.c makes the listening socket, api.c joins libmicrohttpd to the loop, request.c answers one
 * request, route.c says what a request line asks for. Everything runs on the loop's thread.
 */
#ifndef FAIRLEAD_API_INTERNAL_H
#define FAIRLEAD_API_INTERNAL_H

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "api/api.h"

#define API_MAX_CONNECTIONS 64 /* more wait in the socket's backlog */
#define API_IDLE_TIMEOUT_S 30
#define API_MAX_BODY 65536 /* bytes; all but a frame to explain is thrown away */
#define API_CONNECTION_MEMORY (16 * 1024) /* bytes: request line, headers and the reply's headers */

struct api {
	struct MHD_Daemon *daemon;
	uv_poll_t poll; /* libmicrohttpd's epoll descriptor: readable when it has work */
	uv_timer_t timer; /* idle timeouts, and work that is due now */
	unsigned int open_handles; /* of the two above; the memory goes with the last */
	unsigned int open_requests;
	bool wake; /* a connection was resumed since MHD_run() last began */
	LIST_HEAD(, api_request) waiting; /* requests whose connection is suspended */
	struct api_ops ops;
	void *ctx;
	char *path;
	dev_t dev; /* of our socket, so that a successor's is never removed */
	ino_t ino;
};

struct api_request {
	LIST_ENTRY(api_request) entry; /* in `waiting` while suspended */
	struct api *api; /* valid while `connection` is */
	struct MHD_Connection *connection; /* NULL once the client's side has ended */
	char *uri; /* as the client wrote it, escapes included */
	uint8_t *body; /* a frame to explain; NULL: none came */
	size_t body_len;
	const char *allow; /* value of the Allow header; NULL: no such header */
	json_t *reply; /* NULL until the request is answered */
	unsigned int status;
	bool begun; /* the headers were judged */
	bool owed; /* the agent has not called api_request__reply() yet */
	bool suspended;
};

/* Makes the socket, bound and listening, as api__new() promises; fills path, dev and ino. */
int api_socket__listen(struct api *a, const char *path, const char *group, int *out,
		       struct err *warning, struct err *err);

/* Removes the socket from the file system if it is still ours. */
void api_socket__remove(const struct api *a);

/* Has libmicrohttpd run at the loop's next turn. */
void api__wake(struct api *a);

/* libmicrohttpd's callbacks for one request, in the order of its life. */
void *api_request__begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result api_request__handle(void *cls, struct MHD_Connection *connection, const char *url,
				    const char *method, const char *version,
				    const char *upload_data, size_t *upload_data_size,
				    void **request);
void api_request__end(void *cls, struct MHD_Connection *connection, void **request,
		      enum MHD_RequestTerminationCode why);

/* Answers every suspended request with 503: the agent is stopping. */
void api_request__stop_all(struct api *a);

#endif
