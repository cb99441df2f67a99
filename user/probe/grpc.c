/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grpc.c - grpc.health.v1.Health/Check answers SERVING.
 *
 * The protocol: "GRPC Health Checking Protocol" and "gRPC over HTTP2" of the gRPC project; messages
 * are framed by a flag and a 32-bit length, and written as Protocol Buffers (the wire format's varint
 * and length-delimited fields).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/web.h"

#define FRAME_LEN 5 /* flag, length in network order */
#define TAG_SERVICE 0x0a /* field 1, length-delimited: HealthCheckRequest.service */
#define TAG_STATUS 0x08 /* field 1, varint: HealthCheckResponse.status */

/* Status codes that say something about the health service itself. */
enum { GRPC_OK = 0, GRPC_NOT_FOUND = 5, GRPC_UNIMPLEMENTED = 12 };

static void ask(const struct config_probe *args, unsigned int step, struct web_request *r)
{
	size_t len = args->service ? strlen(args->service) : 0, n = FRAME_LEN;

	(void)step;
	if (len) {
		r->body[n++] = TAG_SERVICE;
		/* A varint of up to 255: 7 bits, then the rest. */
		if (len > 0x7f) {
			r->body[n++] = (uint8_t)(len | 0x80);
			r->body[n++] = (uint8_t)(len >> 7);
		} else {
			r->body[n++] = (uint8_t)len;
		}
		memcpy(r->body + n, args->service, len);
		n += len;
	}
	r->body[3] = (uint8_t)((n - FRAME_LEN) >> 8);
	r->body[4] = (uint8_t)(n - FRAME_LEN);
	r->body_len = n;
	r->method = "POST";
	r->path = "/grpc.health.v1.Health/Check";
	r->headers[0] = "Content-Type: application/grpc";
	r->headers[1] = "TE: trailers";
	r->version = WEB_2;
	r->wants_body = true;
}

/* HealthCheckResponse.status of a framed message, 0 (UNKNOWN) if it is left out; -1: no such message. */
static int health_of(const uint8_t *b, size_t len)
{
	size_t said = len < FRAME_LEN ? 0 : (size_t)b[3] << 8 | b[4];

	if (len < FRAME_LEN || b[0] || b[1] || b[2] || len < FRAME_LEN + said)
		return -1;
	if (!said)
		return 0;
	return said >= 2 && b[FRAME_LEN] == TAG_STATUS && b[FRAME_LEN + 1] < 0x80 ? b[FRAME_LEN + 1]
										  : -1;
}

static const char *const healths[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

static void judge_health(const struct web_answer *a, struct web_verdict *v)
{
	int health = health_of((const uint8_t *)a->body, a->len);

	if (health < 0 || health >= (int)(sizeof(healths) / sizeof(*healths))) {
		snprintf(v->detail, sizeof(v->detail), "its answer is no HealthCheckResponse");
		return;
	}
	v->ok = health == 1;
	snprintf(v->detail, sizeof(v->detail), "%s", healths[health]);
}

static void judge(const struct config_probe *args, unsigned int step, const struct web_answer *a,
		  struct web_verdict *v)
{
	const char *service = args->service ? args->service : "";
	int code = a->grpc_status[0] ? atoi(a->grpc_status) : -1;

	(void)step;
	if (a->status != 200)
		snprintf(v->detail, sizeof(v->detail), "status %ld of HTTP, 200 is wanted",
			 a->status);
	else if (code < 0)
		snprintf(v->detail, sizeof(v->detail), "its answer has no grpc-status");
	else if (code == GRPC_OK)
		judge_health(a, v);
	else if (code == GRPC_NOT_FOUND)
		snprintf(v->detail, sizeof(v->detail), "does not know the service \"%.100s\"",
			 service);
	else if (code == GRPC_UNIMPLEMENTED)
		snprintf(v->detail, sizeof(v->detail), "has no health service (grpc.health.v1)");
	else
		snprintf(v->detail, sizeof(v->detail), "grpc-status %d%s%.90s", code,
			 a->grpc_message[0] ? ": " : "", a->grpc_message);
}

const struct web_kind web_grpc = {.ask = ask, .judge = judge};
