/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.h - who may send: the lists of the file and the commands, kept in the map `sources`.
 *
 * Entries of the file follow it; those of commands (FL_SRC_RUNTIME) stay in the pinned map over
 * reloads and restarts until a command removes them, and hold over the file's on the same prefix.
 */
#ifndef FAIRLEAD_AGENT_SOURCES_H
#define FAIRLEAD_AGENT_SOURCES_H

#include "agent/source_set.h"
#include "api/api.h"

struct agent;

/* What the map holds: `runtime` laid over `file`. */
struct sources {
	struct source_set file, runtime;
};

/* A service of the next configuration: where it is, and which one it takes the place of. */
struct admitted {
	const struct config_service *config;
	uint32_t id;
	uint32_t old_id; /* equal to id: it is kept; 0: it takes no other's place */
};

struct sources_staged;

/* Reads what an earlier agent left in the map. */
int sources__adopt(struct agent *a, struct err *err);
void sources__free(struct agent *a);

/*
 * Adds and changes what `next` wants. What a service that is replaced was given by command goes to the
 * id that replaces it. On failure the map is as it was.
 */
int sources__stage(struct agent *a, const struct config *next, const struct admitted *services,
		   size_t n, struct sources_staged **out, struct err *err);
/* Removes what is no longer wanted, but for services that packets may still be in. */
void sources__commit(struct agent *a, struct sources_staged *s);
/* Takes the stage back. NULL is fine. */
void sources__undo(struct agent *a, struct sources_staged *s);

/* The service's id is about to be released: its entries go. */
void sources__release(struct agent *a, uint32_t id);

/* Tells the program which services have entries of their own. */
void sources__flag(struct agent *a);

/* The entry that decides of an address, as packets find it, in a scope; NULL: there is none. */
const struct plane_source *sources__match(const struct agent *a, uint32_t scope,
					  const struct addr *source);

/* An entry as the API has it: prefix, service, action, monitor, origin. */
json_t *sources__entry_json(const struct agent *a, const struct plane_source *e);

/* The API's part; see api_ops. */
int sources__list(struct agent *a, const char *service, json_t **out, struct err *err);
int sources__set(struct agent *a, const struct api_sources *what, json_t **out, struct err *err);

#endif
