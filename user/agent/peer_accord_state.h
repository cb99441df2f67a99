/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_accord_state.h - what the files of peer_accord.h share. */
#ifndef FAIRLEAD_AGENT_PEER_ACCORD_STATE_H
#define FAIRLEAD_AGENT_PEER_ACCORD_STATE_H

#include <uv.h>

#include "agent/agent.h"
#include "agent/peer_accord.h"
#include "agent/peers_state.h"
#include "peer/page.h"

#define ACCORD_HELD 3 /* texts: decided, prepared, and one that is on its way */

struct held_text {
	struct accord_text name;
	char *bytes; /* NULL: none; ends with a NUL */
};

struct peer_accord {
	struct agent *agent;
	struct accord core;
	struct held_text held[ACCORD_HELD];
	struct accord_job job;
	bool works; /* on it */
	struct peer_fetch fetch; /* its text */
	size_t from; /* which peer sends it */
	uint64_t fetch_us; /* since when */
	struct peer_pages_rate rates[ACCORD_PEERS];
	uv_work_t work; /* the record is being written: */
	char *record; /* this text, */
	char *path; /* to there */
	struct err write_err;
	/* What was proposed here. */
	bool reads; /* the file is being rehearsed */
	bool proposed; /* it is the core's business now */
	struct apply_order order; /* its text: the whole file */
	struct api_request *request;
	bool confirm; /* what is decided waits for a confirmation here */
	bool gave_way;
	char file[ERR_LEN]; /* why the agent's file is not what runs; "": it is */
};

/* --- peer_accord_texts.c --------------------------------------------------------------------------- */

/* NULL: it is not here. */
const struct held_text *accord_texts__find(const struct peer_accord *p,
					   const struct accord_text *name);
/* Takes the bytes over. One that the record is not about makes room for it. */
void accord_texts__hold(struct peer_accord *p, const struct accord_text *name, char *bytes);
/* Sends the page that a peer asks for, if it is here, and not more often than it may ask. */
void accord_texts__answer(struct peer_accord *p, struct peer *peer, const struct peer_page *page);

/* --- peer_accord_disk.c ---------------------------------------------------------------------------- */

/* The record as a text, for free(); NULL: out of memory. */
char *accord_disk__format(const struct accord_record *r, bool confirm,
			  const struct held_text *decided, const struct held_text *next);
/* Where it belongs, for free(). */
char *accord_disk__path(const char *config_path);
/* Durably. A failure after which the new one may be there all the same is told and taken for success. Worker. */
int accord_disk__write(const char *path, const char *text, struct err *err);
/*
 * -ENOENT: there is none. The texts go to held[0] and held[1], if there are such; on failure nothing does.
 */
int accord_disk__read(const char *path, struct accord_record *r, bool *confirm,
		      struct held_text held[ACCORD_HELD], struct err *err);

/* --- peer_accord_json.c ---------------------------------------------------------------------------- */

/* How an own proposal ended: answers the request, and logs it. */
void accord_answer__send(struct peer_accord *p);

#endif
