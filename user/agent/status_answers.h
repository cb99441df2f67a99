/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status_answers.h - GET /v1/status, made in slices.
 *
 * At thousands of backends the document takes longer than probes and verdicts are to wait for the loop. So it is
 * made some milliseconds at a time, and others have the loop for as long in between: one document after the
 * other, once for all who ask for the same before it is begun. What is small enough for one slice is answered at once.
 */
#ifndef FAIRLEAD_AGENT_STATUS_ANSWERS_H
#define FAIRLEAD_AGENT_STATUS_ANSWERS_H

#include <sys/queue.h>
#include <uv.h>

struct agent;
struct api_request;
struct status_answer;

struct status_answers {
	TAILQ_HEAD(, status_answer) list; /* the first one is being made */
	uv_timer_t timer; /* for the next slice */
};

void status_answers__init(struct agent *a);
/* Of services and their backends only those (NULL: all). */
void status_answers__ask(struct agent *a, const char *service, const char *backend,
			 struct api_request *request);
/* Ends those that are not answered with 503. */
void status_answers__stop(struct agent *a);

#endif
