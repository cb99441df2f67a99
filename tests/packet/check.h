/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.h - one packet through the program, and all that has to follow from it. */
#ifndef FAIRLEAD_TESTS_PACKET_CHECK_H
#define FAIRLEAD_TESTS_PACKET_CHECK_H

#include "rig.h"

/* What a packet has to come to. */
struct want {
	enum fl_verdict verdict;
	uint32_t service; /* whose counter moves; RIG_NO_SERVICE: none */
	uint32_t backend; /* the same, of a SEND verdict */
	const struct frame *out; /* NULL: the frame stays as it was */
	uint32_t ingress; /* 0: lo */
	bool redirect; /* a SEND leaves by another port */
	uint32_t note; /* NOTE(name) that counts beside the verdict; 0: none */
	bool spoilt; /* a DROP after which nobody looks at the frame */
};

#define NOTE(name) (FL_N_##name + 1)

/* Gates of the rig that the rows of a table run on. */
extern struct rig_gates check__gates;

/* Runs `in`; compares action, every byte, and every counter with what was wanted. */
void check__frame(struct rig *r, const struct frame *in, const struct want *want);

/*
 * The same for a packet for a service of the rig that backend `index` gets: how the frame looks then
 * is worked out from the description. A verdict that does not send leaves the frame as it was.
 */
void check__spec(struct rig *r, const struct spec *s, uint32_t index, enum fl_verdict verdict);

/* What the backend's mode makes of a packet (full NAT: but for its source). */
struct spec check__sent(const struct rig *r, const struct spec *s, uint32_t index);

/* The same where the hash is not that of the packet itself: later fragments, affinities. */
struct spec check__sent_by(const struct rig *r, const struct spec *s, uint32_t index,
			   uint64_t hash);

/* check__frame() of two descriptions; `out` NULL: the frame stays as it was. */
void check__becomes(struct rig *r, const struct spec *in, const struct spec *out, struct want want);

/* A row of a table: a test of its own. */
struct packet_case {
	const char *name;
	uint8_t version;
	uint8_t proto; /* of the packet; the rest is as build__tcp() makes it */
	void (*change)(struct spec *s); /* NULL: nothing */
	void (*spoil)(
		struct frame *f); /* bytes that no description can have; a PASS verdict only */
	enum fl_verdict verdict;
	uint32_t backend; /* 0: RIG_L2 */
};

/* Runs the row in *state. */
void check__case(void **state);

/*
 * Runs the rows, then the other tests, as one cmocka group: a binary has one group, since its results
 * are one XML document. Returns the number of failures.
 */
int check__table(const char *group, const struct packet_case *rows, size_t n,
		 const struct CMUnitTest *others, size_t n_others);

/* Fails, with all three shown, unless the frame that came out is the one that was wanted. */
void check__same(const struct frame *in, const struct frame *want, const struct frame *got);
void check__dump(const char *what, const struct frame *f);

enum verdict_action { CHECK_PASS, CHECK_DROP, CHECK_SEND };
enum verdict_action check__action(enum fl_verdict verdict);

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#endif
