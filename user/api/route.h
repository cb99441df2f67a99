/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route.h - what a request's target asks for. Pure: text in, route out. */
#ifndef FAIRLEAD_API_ROUTE_H
#define FAIRLEAD_API_ROUTE_H

#include <stdbool.h>

#include "api/api.h"
#include "core/addr.h"
#include "core/err.h"
#include "fairlead/abi.h"

#define ROUTE_MAX_URI 1024 /* bytes of path and query together */
#define ROUTE_MAX_PREFIXES 96 /* "prefix=::&" and so on: no more fit */

#define ROUTE_REASON_LEN 201 /* with its NUL */
#define ROUTE_MAX_CONFIRM_MS 86400000
#define ROUTE_KINDS_LEN 128
#define ROUTE_KEY_LEN 17 /* with its NUL */
#define ROUTE_VERDICTS_LEN 256
#define ROUTE_CAPTURE_SNAP 2048 /* most of each bound of a capture; docs/capture.md */
#define ROUTE_CAPTURE_RATE 100000
#define ROUTE_CAPTURE_PACKETS 10000000
#define ROUTE_CAPTURE_TIME_MS 3600000
#define ROUTE_CAPTURE_SIZE 10000000000
#define ROUTE_CAPTURE_LEAST_SIZE 65536
#define ROUTE_TARGET_PPM 999000 /* report, unless asked otherwise: 99.9 % */
#define ROUTE_HOURS 24 /* timeline, likewise */
#define ROUTE_MAX_WAIT_MS 25000 /* less than the connection's patience */

struct asset;

enum route_kind {
	ROUTE_METRICS,
	ROUTE_HEALTHZ,
	ROUTE_OPENAPI,
	ROUTE_STATUS,
	ROUTE_TIMINGS,
	ROUTE_VERSION,
	ROUTE_APPLY,
	ROUTE_CONFIRM,
	ROUTE_ROLLBACK,
	ROUTE_HISTORY,
	ROUTE_BACKEND,
	ROUTE_SAY,
	ROUTE_WEIGHT,
	ROUTE_SOURCES,
	ROUTE_SOURCES_ALLOW,
	ROUTE_SOURCES_DENY,
	ROUTE_SOURCES_REMOVE,
	ROUTE_PACKETS,
	ROUTE_SAMPLING,
	ROUTE_FAILOVER,
	ROUTE_FAILOVER_UNDO,
	ROUTE_EXPLAIN,
	ROUTE_EVENTS,
	ROUTE_REPORT,
	ROUTE_RATES,
	ROUTE_PAGE,
	ROUTE_FILE,
	ROUTE_OVERVIEW,
	ROUTE_TIMELINE,
	ROUTE_STREAM,
	ROUTE_ALERTS_TEST,
	ROUTE_DIFF,
	ROUTE_CAPTURE_START,
	ROUTE_CAPTURE_NEXT,
	ROUTE_CAPTURE_STOP,
	ROUTE_TEXT,
};

struct route {
	enum route_kind kind;
	char backend[FL_ID_LEN]; /* of a backend's paths; of events, status; "" otherwise */
	struct api_word word; /* ROUTE_SAY and ROUTE_WEIGHT */
	char service[FL_NAME_LEN]; /* "" when the request names none */
	struct addr_prefix prefixes[ROUTE_MAX_PREFIXES]; /* sources */
	size_t n_prefixes;
	bool monitor; /* sources/deny */
	bool now; /* config/apply, config/diff */
	bool all; /* config/apply, config/rollback: on all peers */
	char to[FL_NAME_LEN]; /* failover; "": no peer is named */
	char name[FL_NAME_LEN]; /* alerts/test; "": all */
	bool has_since, has_n, has_id, has_flows, has_drops,
		has_percent; /* the request has that number */
	uint64_t since; /* packets, events; report: CLOCK_REALTIME, ms */
	uint64_t after_ms; /* events: CLOCK_REALTIME */
	char kinds[ROUTE_KINDS_LEN]; /* events: as they were written */
	char reason[ROUTE_REASON_LEN]; /* config/apply, config/rollback */
	uint32_t confirm_ms; /* config/apply; 0, or 1000..ROUTE_MAX_CONFIRM_MS */
	uint64_t version; /* config/rollback, config/diff, config/text; 0: none is named */
	uint32_t target_ppm; /* report: 0..1000000 */
	char layout[ROUTE_KEY_LEN], known[ROUTE_KEY_LEN]; /* rates; "": nothing is known */
	uint32_t hours; /* timeline: 1, 24 or 168 */
	const struct asset *file; /* ROUTE_PAGE and ROUTE_FILE */
	uint32_t wait_ms; /* events: 0..ROUTE_MAX_WAIT_MS */
	uint32_t n; /* packets, events: 1..ROUTE_MAX_PACKETS; config/history: 1..API_MAX_VERSIONS */
	uint32_t flows, drops; /* packets/sampling; 0..ROUTE_MAX_SAMPLING */
	struct api_explain explain; /* explain; frame and interface are not set */
	bool has_source, has_destination, has_protocol;
	uint8_t explain_flags; /* as they were asked for (query_explain.c); 0: none were */
	struct api_capture capture; /* capture/start; its texts are service, backend and verdicts */
	char verdicts[ROUTE_VERDICTS_LEN];
	uint32_t id; /* capture/next, capture/stop */
	char interface[16]; /* explain; "" when the request names none */
};

#define ROUTE_MAX_PACKETS 1024
#define ROUTE_MAX_SAMPLING 1000000000

/*
 * Reads the target of a request line (RFC 9112 3.2.1: path and query, still percent-encoded).
 * 0 and *out; -ENOENT: no such path; -ENAMETOOLONG: longer than ROUTE_MAX_URI; -EINVAL: a broken
 * escape, an id or a value that can't be one, or a parameter that the path does not take or lacks.
 */
int route__parse(const char *uri, struct route *out, struct err *err);

/* Whether the TCP listener answers it, too. */
bool route__is_public(const struct route *r);

/* How many bytes of a request's body are read for that target; 0: it takes none. */
size_t route__max_body(const char *uri);

/* Whether it changes nothing and takes GET; all else takes POST. */
bool route__is_read(const struct route *r);

/* Whether that method may be used, and the value of the Allow header when it may not. */
bool route__allows(const struct route *r, const char *method);
const char *route__methods(const struct route *r);

#endif
