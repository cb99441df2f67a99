/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records.h - records of connections in the plane's maps, `flows` and `nat_flows`: swept, counted, told to peers and
 * taken from them. Passes over a map are the worker's, one at a time of each; the rest is the loop's.
 */
#ifndef FAIRLEAD_PLANE_RECORDS_H
#define FAIRLEAD_PLANE_RECORDS_H

#include "move/fate.h"
#include "move/tally.h"
#include "plane/plane.h"

/* How far a pass over a map of records is; zero-initialised. */
struct plane_pass {
	uint32_t cursor;
	bool midway; /* cursor is valid: a pass has begun */
	uint64_t slice; /* entries that a slice looks at; 0: as many as it has time for */
	uint64_t entries; /* of this pass, so far */
	size_t key, value; /* bytes */
};

/* Whose the records are, as a pass finds them. */
struct plane_census {
	uint32_t *by_index; /* FL_MAX_BACKENDS: entries that name the backend */
	struct tally flows; /* of each backend of each service */
	uint64_t total; /* flows */
};

/* Zero-initialises it; false: out of memory. */
bool plane_census__init(struct plane_census *c);
void plane_census__clear(struct plane_census *c);
void plane_census__free(struct plane_census *c);

/* The sweep of `nat_flows`; zero-initialised but for census. Between two slices it may be read. */
struct plane_nat_sweep {
	struct plane_pass pass;
	struct plane_census census; /* of this pass; to be cleared before the next one */
	const struct fate_loss *losses; /* FL_MAX_BACKENDS; as they are when the slice begins */
	bool ended; /* the slice ended the pass */
	uint64_t deleted; /* entries, since the beginning */
};

/*
 * Looks at a part of the records and deletes those whose time is over, so that calls once a second
 * look at all of them in about period_s. At most about 50 ms. Worker thread, one at a time; only while
 * the gate `nat` is on.
 */
int plane__nat_sweep(struct plane *p, struct plane_nat_sweep *s, uint32_t period_s,
		     struct err *err);

/* The sweep of `flows`, likewise. */
struct plane_flow_sweep {
	struct plane_pass pass;
	struct plane_census census;
	bool ended;
	bool crowded; /* `flows` is more than half full */
	const struct fate_loss *losses; /* FL_MAX_BACKENDS; as they are when the slice begins */
	uint16_t *least_idle_s; /* FL_MAX_SERVICES: records live so long at least */
	uint64_t **held; /* FL_MAX_SERVICES: which slots have records (move/move.h); NULL: none */
	uint32_t *records; /* FL_MAX_SERVICES: how many */
	bool *withdrawn; /* FL_MAX_SERVICES: no packet finds the service any more */
	uint64_t deleted;
	struct fl_sweep *mark, *remove, *end; /* what the program is told next */
	struct fl_sweep_key *dead; /* deletions that this pass has found under way */
	uint32_t n_dead;
};

int plane_flow_sweep__new(struct plane_flow_sweep **out, struct err *err);
/* Before each pass, and before the grace period that it begins with. */
void plane_flow_sweep__clear(struct plane_flow_sweep *s);
void plane_flow_sweep__free(struct plane_flow_sweep *s);

/*
 * Counts a part of the records, has the program mark and delete those that are past their time
 * (move/fate.h). Records of services that no packet finds are deleted.
 */
int plane__flow_sweep(struct plane *p, struct plane_flow_sweep *s, uint32_t period_s,
		      struct err *err);

/* --- peers --------------------------------------------------------------------------------------- */

/* Puts what a peer has told into `flows`; t->done says of how many it holds now. 0 or -errno. */
int plane__take(struct plane *p, struct fl_take *t);

/* All records, in slices as those of a sweep. Worker thread, one at a time. */
typedef void plane_record_cb(void *ctx, const struct fl_flow_key *k, const struct fl_flow *f,
			     uint32_t now_s);
int plane__records(struct plane *p, struct plane_pass *pass, uint32_t period_s,
		   plane_record_cb *each, void *ctx, bool *ended, struct err *err);

/*
 * The same of `nat_flows`: puts what a peer has told there, once the gates `nat` and `peers` were on (-EOPNOTSUPP); and
 * all flows but those that are half gone, as struct fl_told_nat has them; without the gate `nat`, none.
 */
int plane__nat_take(struct plane *p, struct fl_nat_take *t);
typedef void plane_nat_record_cb(void *ctx, const struct fl_told_nat *t, uint32_t now_s);
int plane__nat_records(struct plane *p, struct plane_pass *pass, uint32_t period_s,
		       plane_nat_record_cb *each, void *ctx, bool *ended, struct err *err);

#endif
