/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - docs/datapath.md as a function: what becomes of one frame.
 *
 * It is written from that page and the RFCs that it names, and shares no code with bpf/: every length
 * is counted anew, every checksum is a sum over all that it covers. A packet that came with a wrong
 * checksum has to leave with one that is wrong by as much (RFC 1624 updates it by differences), so
 * what the incoming one is off by is measured first and added to the new sum.
 */
#ifndef FAIRLEAD_TESTS_MODEL_MODEL_H
#define FAIRLEAD_TESTS_MODEL_MODEL_H

#include "world.h"

/* Time, and what only the program can choose. */
struct moment {
	uint64_t now_ns; /* CLOCK_MONOTONIC_COARSE */
	uint32_t ingress; /* ifindex */
	/*
	 * The port that a new full NAT flow takes, host order; any free one in the CPU's part is right.
	 * 0: the model takes the first free one.
	 */
	uint16_t snat_port;
	/* The program found none in its 32 tries, which is right if so many are taken. */
	bool snat_tried;
};

enum model_action { MODEL_PASS, MODEL_DROP, MODEL_TX, MODEL_REDIRECT };

struct outcome {
	enum fl_verdict verdict;
	enum model_action action;
	uint32_t egress; /* ifindex; 0: it goes nowhere */
	uint32_t service, backend; /* 0: none */
	struct frame out; /* as it came unless sent */
};

void model__run(struct world *w, const struct frame *in, const struct moment *at,
		struct outcome *out);

/* Action of a verdict by reasons.def, MODEL_TX for all that is sent. */
enum model_action model__action(enum fl_verdict verdict);
const char *model__name(enum fl_verdict verdict);

#endif
