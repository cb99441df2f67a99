/* SPDX-License-Identifier: GPL-2.0-or-later */
/* real.h - the real object lb.bpf.o with its maps filled from a world, one packet at a time. */
#ifndef FAIRLEAD_TESTS_MODEL_REAL_H
#define FAIRLEAD_TESTS_MODEL_REAL_H

#include "world.h"

struct real;
struct lb_bpf;

/* Loads the program with the world's gates and fills every map; NULL, with a message. */
struct real *real__load(const struct world *w);
void real__free(struct real *r);

/* BPF_PROG_TEST_RUN; the action is an enum xdp_action. Returns 0 or -errno. */
int real__run(struct real *r, const struct frame *in, uint32_t ingress, uint32_t *action,
	      struct frame *out);

/* The loaded object; and its gates, but those of `told.h`, for another one. */
struct lb_bpf *real__skel(const struct real *r);
void real__set_gates(struct lb_bpf *skel, const struct world *w);

/* Sums over the CPUs. */
struct fl_count real__verdict(const struct real *r, enum fl_verdict verdict);
uint64_t real__note(const struct real *r, enum fl_note note);
struct fl_count real__svc_stat(const struct real *r, uint32_t id);
struct fl_count real__be_stat(const struct real *r, uint32_t index);

/* Lets the next echo reply and the next too-big notice be within their rate. */
void real__refill(struct real *r);

void real__lapse(struct real *r, bool lapsed);
void real__ours(struct real *r, const struct fl_ours *o);
void real__backend(struct real *r, uint32_t index, const struct fl_backend *b);
void real__nat_flow(struct real *r, const struct fl_nat_key *key, const struct fl_nat_flow *f);
void real__frag(struct real *r, const struct fl_frag_key *key, const struct fl_frag *f);

/* Whether the entry is there, and what it is. */
bool real__get_nat_flow(const struct real *r, const struct fl_nat_key *key, struct fl_nat_flow *f);
bool real__get_frag(const struct real *r, const struct fl_frag_key *key, struct fl_frag *f);
uint32_t real__nat_flows(const struct real *r); /* how many */

/* The records of slots that are not clean, and the sightings, FL_SIGHTED of them. */
void real__flow(struct real *r, const struct fl_flow_key *key, const struct fl_flow *f);
void real__tentative(struct real *r, const struct fl_flow_key *key, const struct fl_tentative *t);
bool real__get_flow(const struct real *r, const struct fl_flow_key *key, struct fl_flow *f);
bool real__get_tentative(const struct real *r, const struct fl_flow_key *key,
			 struct fl_tentative *t);
uint32_t real__flows(const struct real *r); /* how many */
void real__sighted(const struct real *r, uint64_t *cells);
void real__set_sighted(struct real *r, const uint64_t *cells);

#endif
