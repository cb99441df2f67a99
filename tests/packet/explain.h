/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain.h - the programs with the gate `explain`, over the maps of a rig, as the agent loads them.
 *
 * Every packet that a test sends through the rig's lb is explained before, and what was said has to be
 * what then happens: so all the tests of packets are tests of explaining too. Not with FL_UNEXPLAINED in the
 * environment, for machines that would take too long for it; explain_test explains all the same.
 */
#ifndef FAIRLEAD_TESTS_PACKET_EXPLAIN_H
#define FAIRLEAD_TESTS_PACKET_EXPLAIN_H

#include "rig.h"

struct explain; /* the loaded programs */

struct explain *explain__new(const struct rig *r);
void explain__free(struct explain *e);

/* What would become of a frame, by lb and by lb_fast; both must say the same. */
void explain__run(const struct explain *e, const struct frame *in, uint32_t ingress,
		  struct run *out, struct fl_explained *told);

/* Fails unless what happened is what was said. */
void explain__compare(const struct run *said, const struct run *done);

/* A digest of all that is in the rig's maps, counters and all. Takes a second. */
uint64_t explain__digest(const struct rig *r);

#endif
