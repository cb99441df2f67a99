/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web.h - kinds that ask by HTTP: what they ask, and how they judge the answer. web.c carries both
 * through libcurl.
 *
 * A kind may ask several requests one after another; each gets a connection of its own, since a new
 * client would need one too.
 */
#ifndef FAIRLEAD_PROBE_WEB_H
#define FAIRLEAD_PROBE_WEB_H

#include <curl/curl.h>

#include "probe/internal.h"

#define WEB_BODY_MAX 65536 /* bytes that are read of a body */
#define WEB_HEADERS_MAX 65536 /* bytes of headers in an answer */
#define WEB_REQUEST_MAX 512 /* bytes of body in a request */

enum web_version { WEB_1_1, WEB_2 };

/* A request; zeros where a kind says nothing. */
struct web_request {
	const char *method; /* NULL: GET, or POST if there is a body */
	const char *path; /* begins with "/" */
	const char *headers[4]; /* beside the probe's own, up to the first NULL */
	uint8_t body[WEB_REQUEST_MAX];
	size_t body_len;
	enum web_version version;
	bool wants_body; /* the answer's body is kept for the judgement */
};

struct web_answer {
	long status;
	const char *body; /* NUL-terminated, as far as it was kept */
	size_t len;
	bool cut; /* there is more than WEB_BODY_MAX bytes of it */
	char grpc_status[16]; /* of the header or trailer of that name; "": none */
	char grpc_message[96];
};

/* What a kind thinks of an answer. */
struct web_verdict {
	bool ok, again; /* again: the next request is asked, `ok` says nothing */
	char detail[PROBE_DETAIL_LEN];
};

struct web_kind {
	/* Fills request number `step` (from 0). */
	void (*ask)(const struct config_probe *args, unsigned int step, struct web_request *r);
	void (*judge)(const struct config_probe *args, unsigned int step,
		      const struct web_answer *a, struct web_verdict *v);
	/* Whether what was kept of the body decides already, so that the rest need not come; NULL: no. */
	bool (*decided)(const struct config_probe *args, const char *body, size_t len);
};

extern const struct web_kind web_http, web_grpc, web_elasticsearch;

/* The functions of a probe_kind. */
int web__start(struct probe *p, const char **why);
void web__abort(struct probe *p);
void web__forget(struct probe *p);

/* What a transfer that ended with an error says of the other end, as a clause: "connection refused". */
void web__describe(CURL *easy, CURLcode code, char *detail, size_t len);

/* "Name: value" of a header line into `to`, without what is not printable, if it has that name. */
void web__take_header(const char *line, size_t len, const char *name, char *to, size_t size);

/* The transfer of a probe has ended: web_loop.done. */
void web__complete(void *private, CURLcode code);

#endif
