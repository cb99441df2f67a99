/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_model.h - what `fairlead top` knows: the agent's rates (GET /v1/rates), and those of the last minute.
 * Pure: answers in, figures out.
 */
#ifndef FAIRLEAD_CLI_TOP_MODEL_H
#define FAIRLEAD_CLI_TOP_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define TOP_SECONDS 60 /* that are remembered */
#define TOP_KEY_LEN 33

/* A figure of each of the last seconds, by top_model.now; NAN: not known. */
struct top_trail {
	float at[TOP_SECONDS];
};

/* One backend of one service. */
struct top_backend {
	const char *id, *address; /* of the model's names */
	int port; /* that NAT gives to its packets; 0: they keep theirs */
	const char *state;
	json_int_t since; /* when that came about, seconds of CLOCK_REALTIME there */
	uint32_t age_s; /* how long ago that was */
	uint32_t slots;
	double packets, bytes; /* a second */
	double connections; /* new ones a second; NAN: nobody counts them */
	int64_t probe_us; /* latency of the last probe; -1: none has ended */
	uint64_t failed; /* probes, since the agent began */
	bool failing; /* some of them in this second */
	struct top_trail packets_trail, bytes_trail;
	struct top_trail probe_trail; /* microseconds; negative: a probe failed in that second */
};

struct top_service {
	const char *name, *vip, *ports, *protocol, *forward;
	uint32_t slots, unserved, moving, pinned;
	uint32_t usable; /* backends that take new flows */
	uint32_t up; /* backends that are up, a slow start included */
	uint32_t of; /* that are configured */
	bool panic;
	double packets, bytes, connections; /* as of a backend */
	struct top_backend *backends;
	size_t n;
	struct top_trail packets_trail, bytes_trail;
};

/* What packets were counted as beside services: a verdict, or a note. */
struct top_count {
	const char *name, *text;
	bool drop, note; /* a verdict that drops; no verdict; neither: the packet went on */
	uint64_t total;
	double packets, bytes; /* a second; bytes of notes are 0 */
	struct top_trail trail; /* packets */
};

struct top_model {
	json_t *names; /* that the pointers above point into */
	char layout[TOP_KEY_LEN]; /* for the next request; "": there was no answer yet */
	char known[TOP_KEY_LEN]; /* likewise */
	const char *instance, *version;
	double uptime_s;
	json_int_t now_s; /* seconds of CLOCK_REALTIME there */
	struct top_service *services;
	size_t n_services;
	struct top_count *counts;
	size_t n_counts;
	size_t n_backends, n_up; /* of all services */
	double sent, sent_bytes, dropped; /* a second */
	struct top_trail sent_trail, dropped_trail;
	unsigned int now; /* place of the last second in all trails */
};

/* Begins with an all-zero model. */
void top_model__init(struct top_model *m);
void top_model__free(struct top_model *m);

/*
 * A second has passed, with that answer. Services, backends and counters that were there before keep their
 * trails. -EBADMSG: it is no such answer, and the next one has to be whole; -ENOMEM.
 */
int top_model__take(struct top_model *m, json_t *answer, struct err *err);

/* A second has passed without one: the figures stay, in the trails there is a hole. */
void top_model__miss(struct top_model *m);

/* The service, and the backend in it, with that name; NULL: there is none. */
const struct top_service *top_model__service(const struct top_model *m, const char *name);
const struct top_backend *top_service__backend(const struct top_service *s, const char *id);

/* Copies a trail to out[TOP_SECONDS], oldest first. */
void top_model__trail(const struct top_model *m, const struct top_trail *t, float *out);

#endif
