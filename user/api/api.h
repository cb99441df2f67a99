/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api.h - the one API of an agent: HTTP/1.1 over a unix socket, JSON bodies. A TCP listener, if there is one,
 * answers the first eight only.
 *
 *   GET  /                                            the dashboard's page (docs/dashboard.md)
 *   GET  /dashboard/FILE                              what it consists of
 *   GET  /metrics                                     for Prometheus, as docs/metrics.md has them
 *   GET  /healthz                                     {"ok", "problems": [sentence]}, with 200, or 503 if
 *                                                     there are problems
 *   GET  /openapi.json                                all of this, as docs/openapi.json has it
 *   GET  /v1/overview?service=NAME                    the state in short, for pages that ask often
 *   GET  /v1/timeline?hours=H                         states of the last H hours, from the journal
 *   GET  /v1/events/stream?since=ID&n=N               the journal's events as they happen:
 *                                                     text/event-stream
 *   GET  /v1/status?service=NAME&backend=ID           what `fairlead status --json` prints
 *   GET  /v1/rates?layout=L&known=K                   what changes of it from second to second, in columns;
 *                                                     without names and states that still are those of L
 *                                                     and K
 *   GET  /v1/timings                                  its "loop", "probes" and "tables" alone
 *   GET  /v1/version                                  {"version", "abi"}
 *   POST /v1/config/apply?now=true&reason=TEXT&confirm=MS&peers=true
 *                                                     re-read the daemon's own file and apply it; now:
 *                                                     backends that are no longer in it lose their
 *                                                     connections; confirm: the one before comes back
 *                                                     unless this one is confirmed by then; peers:
 *                                                     on all peers or on none
 *   POST /v1/config/diff?now=true&version=N           what an apply would change, and what that would
 *                                                     cost: of the text that is the body, of a version
 *                                                     of the history, else of the daemon's own file
 *   POST /v1/config/confirm                           it stays
 *   POST /v1/config/rollback?version=N&reason=TEXT&peers=true
 *                                                     applies an earlier one (default: the one before),
 *                                                     and writes it to the daemon's file; peers: as of
 *                                                     an apply
 *   GET  /v1/config/history?n=N                       {"versions": […]}, newest first
 *   GET  /v1/config/text?version=N                    {"version", "text"}: what was in the file, for who
 *                                                     may read that
 *   GET  /v1/backends/ID?service=NAME                 {"services": [what it still has in each]}
 *   POST /v1/backends/ID/drain?service=NAME           no new flows; without service: in all that have it
 *   POST /v1/backends/ID/undrain?service=NAME
 *   POST /v1/backends/ID/disable?service=NAME         the same, and its connections are given up
 *   POST /v1/backends/ID/enable?service=NAME
 *   POST /v1/backends/ID/weight?percent=N&service=NAME
 *                                                     so much of its configured weight
 *   GET  /v1/sources?service=NAME                     who may send: {"sources": [{"prefix" ("any": all
 *                                                     others), "service" (null: the instance),
 *                                                     "action" (allow, deny), "monitor", "origin"
 *                                                     (file, command)}]}
 *   POST /v1/sources/allow?prefix=P&prefix=…&service=NAME
 *   POST /v1/sources/deny?prefix=P&prefix=…&service=NAME&monitor=true
 *   POST /v1/sources/remove?prefix=P&prefix=…&service=NAME
 *                                                     what earlier commands have set: {"changed",
 *                                                     "missing": [prefix]}
 *   GET  /v1/packets?since=SEQ&n=N                    events, oldest first: {"packets": […], "next":
 *                                                     SEQ for the next call, "missed": how many since
 *                                                     SEQ are gone, "flows", "drops": sampling rates};
 *                                                     without since, the last n (default 100)
 *   POST /v1/explain?protocol=P&source=A&destination=B&flags=F&interface=IF
 *   POST /v1/explain?interface=IF&length=N            what would become of such a packet, or of the frame
 *                                                     that is the body
 *   GET  /v1/events?since=ID&n=N&kind=K,K&service=NAME&backend=ID&after=MS&wait=MS
 *                                                     the journal's: {"events": […], "next": ID for the
 *                                                     next call}; without since, the last n (default
 *                                                     100); wait: if there are none, until there are,
 *                                                     but no longer than that
 *   GET  /v1/report?since=MS&target=PPM&service=NAME  availability, from the journal
 *   POST /v1/packets/sampling?flows=N&drops=N         one in N is told of, 0: none; until the next
 *                                                     apply: {"flows", "drops"}
 *
 *   POST /v1/capture/start?service=NAME&source=P&destination=P&protocol=P&port=N&backend=ID&verdict=V,V
 *                          &snap=N&rate=N&packets=N&size=N&time=MS
 *                                                     packets are copied: {"id"}; 409: they are already
 *   POST /v1/capture/next?id=N                        what there is: {"data": blocks of pcapng in base64,
 *                                                     "packets", "bytes", "seen", "skipped", "lost",
 *                                                     "ended": why, or null}; who does not ask for it for
 *                                                     three seconds ends it
 *   POST /v1/capture/stop?id=N                        the same, and it ends
 *
 *   POST /v1/failover?to=PEER                         another balancer takes over all VRRP groups that
 *                                                     are active here: {"groups": [{"name", "active":
 *                                                     who is now, "active_priority"}]}; 409: nothing
 *                                                     has changed
 *   POST /v1/failover/undo                            they may be taken back: {"groups": how many}
 *   POST /v1/alerts/test?name=NAME                    sends a test to that destination of alerts, else to
 *                                                     all: {"tests": [{"name", "ok", "detail", "ms"}]}
 *
 * Replies: 200 with a JSON object; otherwise {"error": "sentence", "problems": ["file:1:2: …"]?}
 * with 400 (bad request or configuration), 404, 405, 409 (busy: another apply runs), 411, 413 (a
 * long body), 414, 500 or 503 (the agent is stopping, the journal is off, or its disk is full). docs/api.md has
 * every field.
 */
#ifndef FAIRLEAD_API_API_H
#define FAIRLEAD_API_API_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "core/addr.h"
#include "core/err.h"

struct api;
struct api_request; /* a request whose reply comes later */

#define API_NOBODY UINT32_MAX

enum api_verb { API_DRAIN, API_UNDRAIN, API_DISABLE, API_ENABLE, API_WEIGHT };

/* An operator's word on a backend. */
struct api_word {
	enum api_verb verb;
	uint8_t percent; /* API_WEIGHT: 0..100, of its configured weight */
	uint32_t uid; /* whose word it is; API_NOBODY: not known */
};

enum api_source_verb { API_SOURCE_ALLOW, API_SOURCE_DENY, API_SOURCE_REMOVE };

struct api_sources {
	enum api_source_verb verb;
	const struct addr_prefix *prefixes; /* at least one */
	size_t n;
	const char *service; /* NULL: the whole instance */
	bool monitor; /* deny only: count, don't drop */
	uint32_t uid; /* as in struct api_word */
};

/* Which of the journal's events; "" and zero: whatever. */
struct api_events {
	bool has_since;
	int64_t since; /* above that number, oldest first; else the last ones */
	int64_t after_ms; /* that happened then or later, CLOCK_REALTIME */
	const char *kinds; /* their names, with commas between them */
	const char *service, *backend;
	uint32_t n; /* so many at most */
	uint32_t wait_ms; /* if there are none: how long to wait for some */
	bool stream; /* the API bounds how many of them wait */
};

/* Streams of events. */
struct api_streams {
	unsigned int open;
	uint64_t slow, displaced; /* that were ended since the agent began, and why */
};

/* How a configuration comes into force. */
struct api_apply {
	bool now; /* backends that are no longer in it lose their connections */
	bool all; /* it comes into force on all peers, or on none */
	uint32_t
		confirm_ms; /* without a confirmation by then the one before comes back; 0: it stays */
	const char *reason; /* for the history, or "" */
	uint32_t uid; /* as in struct api_word */
};

#define API_MAX_CONFIG (4U << 20) /* bytes of a configuration */

/* What would happen if it came into force. */
struct api_diff {
	bool now; /* as in struct api_apply */
	int64_t version; /* of the history, whose text it is; 0: of none */
	const char *text; /* the configuration, `len` bytes; NULL: the daemon's own file */
	size_t len;
};

#define API_MAX_VERSIONS 100000 /* that are listed at once: all that the journal keeps */

enum api_history_verb { API_HISTORY, API_CONFIRM, API_ROLLBACK, API_TEXT };

struct api_history {
	enum api_history_verb verb;
	uint32_t n; /* API_HISTORY: so many at most */
	int64_t version; /* API_TEXT, API_ROLLBACK: which; 0: the one before */
	bool all; /* API_ROLLBACK: as in struct api_apply */
	const char *reason; /* API_ROLLBACK: as in struct api_apply */
	uint32_t uid;
};

struct api_report {
	int64_t since_ms; /* CLOCK_REALTIME; 0: the last 30 days */
	uint32_t target_ppm; /* availability that is aimed at, in millionths */
	const char *service; /* "": all */
};

#define API_MAX_FRAME 16384 /* bytes of a frame that is explained */

/* A packet that is to be explained. */
struct api_explain {
	const uint8_t *frame; /* as it comes in; NULL: made of what follows */
	size_t frame_len; /* bytes that are there, */
	size_t len; /* of so many, the rest taken for zeros */
	struct addr source, destination;
	uint16_t sport, dport; /* host order; 0: the protocol has none */
	uint8_t proto; /* IPPROTO_* */
	uint8_t tcp_flags;
	bool opens; /* a new connection of QUIC (UDP) or of SCTP */
	const char *interface; /* NULL: the first one */
};

/* Packets that are captured: filters, where "" and 0 are whatever, and bounds. */
struct api_capture {
	const char *service, *backend;
	const char *verdicts; /* names, or "send", "drop", "pass", with commas between them */
	struct addr_prefix source, destination; /* of the packet as it comes in */
	uint16_t port; /* its source or destination port, host order */
	uint8_t proto; /* IPPROTO_* */
	uint32_t snap; /* bytes of each */
	uint32_t rate; /* packets a second and CPU */
	uint32_t packets; /* then it ends, */
	uint32_t time_ms; /* or then, */
	uint64_t size; /* or before its blocks have more bytes */
};

/* What the agent does for the API. All are called on the loop. Objects returned are owned by api. */
struct api_ops {
	/* The file of tokens without one of which nothing is changed; NULL, or no such function: anybody may. */
	const char *(*token_file)(void *ctx);
	/* The text of the metrics; answers now or later, as apply does. */
	void (*metrics)(void *ctx, struct api_request *request);
	/* What the agent is not fit for, an array of sentences. */
	json_t *(*problems)(void *ctx);
	/* Of services and backends only those (NULL: all); likewise. */
	void (*status)(void *ctx, const char *service, const char *backend,
		       struct api_request *request);
	/* Without names and states that `layout` and `known` (may be "") are of; likewise. */
	void (*rates)(void *ctx, const char *layout, const char *known,
		      struct api_request *request);
	json_t *(*timings)(void *ctx);
	/*
	 * In short; `service` (NULL: all): of that alone, with its backends. -ENOENT: there is none. *text is
	 * JSON, *len bytes, for free().
	 */
	int (*overview)(void *ctx, const char *service, char **text, size_t *len, struct err *err);
	/*
	 * The operator's word on a backend; `service` may be NULL (all that have it). 0 and *out = object
	 * {"changed": n, "services": […]}; -ENOENT and a sentence when there is no such backend.
	 */
	int (*say)(void *ctx, const char *backend, const char *service, const struct api_word *word,
		   json_t **out, struct err *err);
	/* What the backend still has; -ENOENT likewise. */
	int (*backend)(void *ctx, const char *backend, const char *service, json_t **out,
		       struct err *err);
	/* Source lists; -ENOENT: there is no such service. `service` may be NULL: all entries. */
	int (*sources)(void *ctx, const char *service, json_t **out, struct err *err);
	int (*set_sources)(void *ctx, const struct api_sources *what, json_t **out,
			   struct err *err);
	/* At most `n` events from number *since on; NULL: the last n. */
	json_t *(*packets)(void *ctx, const uint64_t *since, uint32_t n);
	/* NULL: that rate stays. */
	int (*set_sampling)(void *ctx, const uint32_t *flows, const uint32_t *drops, json_t **out,
			    struct err *err);
	/* Answers now or later, as apply does. */
	void (*events)(void *ctx, const struct api_events *what, struct api_request *request);
	void (*report)(void *ctx, const struct api_report *what, struct api_request *request);
	/* States of the last `hours`: likewise. */
	void (*timeline)(void *ctx, uint32_t hours, struct api_request *request);
	/* Starts an apply; the agent replies exactly once, now or later. */
	void (*apply)(void *ctx, const struct api_apply *what, struct api_request *request);
	/* What an apply would do: likewise; `what` is valid during the call only. */
	void (*diff)(void *ctx, const struct api_diff *what, struct api_request *request);
	/* Configurations that were applied: likewise. */
	void (*history)(void *ctx, const struct api_history *what, struct api_request *request);
	/* Hands all VRRP groups over, to that peer or (NULL) to whichever; replies likewise. */
	void (*failover)(void *ctx, const char *to, struct api_request *request);
	json_t *(*failover_undo)(void *ctx);
	/* Sends a test to that destination of alerts, or (NULL) to all; replies likewise. */
	void (*test_alerts)(void *ctx, const char *name, struct api_request *request);
	/* Begins a capture; likewise, `what` is valid during the call only. */
	void (*capture)(void *ctx, const struct api_capture *what, struct api_request *request);
	/* What it has got since the last call; `stop`: and it ends. -ENOENT: it has ended before. */
	int (*captured)(void *ctx, uint32_t id, bool stop, json_t **out, struct err *err);
	/* Likewise; `what` is valid during the call only. */
	void (*explain)(void *ctx, const struct api_explain *what, struct api_request *request);
};

/*
 * Listens on `path`. A socket left behind by a dead agent is replaced; the directory is made if it
 * is missing (0755). Mode 0660, owner's group `group` if it exists (otherwise *warning says that
 * only root can use the socket; "" when all is well).
 */
int api__new(uv_loop_t *loop, const char *path, const char *group, const struct api_ops *ops,
	     void *ctx, struct api **out, struct err *warning, struct err *err);

/* A TCP socket that listens, for api__listen(). 0 or -errno and a sentence. */
int api__bind(const struct addr *address, uint16_t port, int *out, struct err *err);

/*
 * Serves reads to whoever connects to `fd`, too, in place of an earlier listener; -1: to nobody. The
 * descriptor is the API's from here on. `name` is for the error.
 */
int api__listen(struct api *a, int fd, const char *name, struct err *err);

/* Once a second: what was made for many is made anew, and slow clients are ended. NULL is fine. */
void api__tick(struct api *a);

/* Whether the file of tokens can't be used, so that nobody may change anything, and a sentence. NULL is fine. */
bool api__token_problem(struct api *a, struct err *err);

void api__streams(const struct api *a, struct api_streams *out);

/* Stops listening, answers open requests with 503, removes the socket; the loop must then be run. */
void api__free(struct api *a);

/* Ends a request with an HTTP status and a JSON object (reference is taken over). Loop thread only. */
void api_request__reply(struct api_request *request, unsigned int status, json_t *object);

/*
 * Ends `n` requests with 200 and the same text, of `len` bytes and media type `type`, which is taken over; NULL:
 * there was no memory for it, and they are told so. Loop thread only.
 */
void api_request__reply_text(struct api_request *const *requests, size_t n, char *text, size_t len,
			     const char *type);

#endif
