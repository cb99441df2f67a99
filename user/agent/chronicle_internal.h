/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chronicle_internal.h - what the files of the chronicle share. */
#ifndef FAIRLEAD_AGENT_CHRONICLE_INTERNAL_H
#define FAIRLEAD_AGENT_CHRONICLE_INTERNAL_H

#include <sys/queue.h>

#include "agent/chronicle.h"
#include "journal/journal.h"

struct question; /* of the API, on its way to the journal and back */

TAILQ_HEAD(question_list, question);

struct chronicle {
	struct agent *agent;
	struct journal *journal;
	char *path;
	struct question_list parked; /* that wait for something to happen */
	unsigned int n_parked;
	LIST_HEAD(, timeline) timelines; /* that are being made */
	uint32_t next_id; /* of `services`: where telling states goes on; FL_MAX_SERVICES: done */
	size_t next_member;
	bool anew; /* also those that were told */
	bool stopping;

	/* chronicle_config.c */
	int64_t version; /* of the history: what runs; 0: not known */
	bool pending; /* what runs waits for its confirmation */
	uint64_t until_ns; /* uv_hrtime(): until then */
	bool rolling_back;
};

/* The file is open; a second has passed. */
void chronicle_config__opened(struct chronicle *c);
void chronicle_config__tick(struct chronicle *c);

/* API_HISTORY and API_TEXT. */
void chronicle_versions__look(struct agent *a, const struct api_history *what,
			      struct api_request *request);

/* Answers that there is no journal. */
void chronicle_ask__none(struct api_request *request);
/*
 * On the journal's thread: an object's text, as what has many backends in it is too much work for the loop.
 * Takes the object over, which may be NULL; -ENOMEM.
 */
int chronicle_ask__text(json_t *object, char **text, struct err *err);
/* Takes over that text; NULL: they are told why not, or (NULL, too) that the agent is stopping. */
void chronicle_ask__answer(struct api_request *const *requests, size_t n, char *text,
			   const char *why);

/* chronicle_ask.c: there is something new; it is late; nobody answers any more. */
void chronicle_ask__written(struct chronicle *c);
void chronicle_ask__tick(struct chronicle *c);
void chronicle_ask__stop(struct chronicle *c);

#endif
