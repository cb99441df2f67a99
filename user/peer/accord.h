/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accord.h - one configuration for all peers: prepared by each, decided by the one that proposes it, then in
 * force on all. Pure: what is heard, the time and the outcomes of jobs are given, jobs are asked for.
 *
 * Each machine tells one thing about itself, struct accord_told, as the value of a ledger's key: it reaches
 * the others whole, in order, and again after each loss or restart. So there are no messages that could be
 * missed, repeated or late; a machine decides by what each peer tells now.
 *
 *  - An epoch is a number and the address of the machine that proposed it: the greater number is the greater
 *    epoch, then the greater address. No machine uses a number twice (it is written down before it is told),
 *    so an epoch never has two texts.
 *  - A proposal is answered with yes when its text was found good and was written down; a machine that has said yes
 *    says yes to no other one until the proposal has ended, or for ACCORD_HOLD_US.
 *  - Who proposes decides once every peer that is heard has said yes. One that said no ends it. One that is silent, or does
 *    not answer within ACCORD_PREPARE_US, is passed over. The decision is written down before it is told.
 *  - A decided epoch that is greater than one's own is followed by everybody, whether it had said yes, was
 *    passed over, or had given up: that is how a decision is carried out, and how a machine catches up.
 *  - Of two that propose at a time, the one of the smaller epoch gives up.
 *
 * What is written down (struct accord_record) is all that a machine needs to know after it was killed.
 */
#ifndef FAIRLEAD_PEER_ACCORD_H
#define FAIRLEAD_PEER_ACCORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCORD_PEERS 31
#define ACCORD_BY 16U /* bytes of an address */
#define ACCORD_DIGEST 32
#define ACCORD_WHY_LEN 160 /* with its NUL */
#define ACCORD_TOLD_MAX 512
#define ACCORD_TEXT_MAX (4U << 20) /* bytes, as of a configuration */
#define ACCORD_NUMBER_MAX \
	(UINT64_C(1) << 53) /* of an epoch: a greater one is not exact in all JSON */

#define ACCORD_PREPARE_US 10000000 /* for all answers */
#define ACCORD_COMMIT_US 10000000 /* for all to have it in force, before who asked is told */
#define ACCORD_HOLD_US 30000000 /* a yes holds, if nothing is heard of what becomes of it */
#define ACCORD_RETRY_US 5000000 /* after what failed */
#define ACCORD_GRACE_US 1000000 /* to catch up, until a machine that was level gives way */

struct accord_epoch {
	uint64_t number; /* 0: none */
	uint8_t by[ACCORD_BY];
};

struct accord_text {
	uint8_t digest[ACCORD_DIGEST];
	uint32_t len;
};

struct accord_point {
	struct accord_epoch epoch;
	struct accord_text text;
};

enum accord_state {
	ACCORD_NONE,
	ACCORD_DECIDED, /* and not in force yet */
	ACCORD_IN_FORCE,
	ACCORD_LEFT, /* it was, and then this machine alone got another one */
	ACCORD_STATES
};

enum accord_answer { ACCORD_SILENT, ACCORD_YES, ACCORD_NO, ACCORD_ANSWERS };

/* What a machine tells of itself. */
struct accord_told {
	struct accord_point decided;
	enum accord_state state; /* of that */
	struct accord_point proposal; /* its own */
	struct accord_epoch answered; /* another one's */
	enum accord_answer answer;
	char why[ACCORD_WHY_LEN]; /* the answer is no; "" */
	char trouble[ACCORD_WHY_LEN]; /* what is decided cannot be brought into force; "" */
};

/* To and from the value of a ledger; false: it is malformed. */
size_t accord_told__write(const struct accord_told *t, uint8_t out[ACCORD_TOLD_MAX]);
bool accord_told__read(const void *value, size_t len, struct accord_told *out);

/* What outlives the agent. */
struct accord_record {
	struct accord_point decided;
	bool in_force; /* it was, at least once */
	struct accord_point next; /* prepared: said yes to, or this machine's own proposal */
	uint64_t last; /* the greatest number of an epoch that was prepared here */
};

enum accord_kind {
	ACCORD_IDLE,
	ACCORD_PREPARE, /* get the text, see whether it could be applied, write the record */
	ACCORD_TAKE, /* get the text, write the record */
	ACCORD_WRITE, /* the record */
	ACCORD_APPLY, /* what is decided; then the record */
};

struct accord_job {
	enum accord_kind kind;
	struct accord_point point; /* whose text */
	size_t from; /* the peer that has it; ACCORD_PEERS: it is here */
	struct accord_record record; /* what is to be written, if all else succeeds */
};

struct accord_peer {
	uint8_t by[ACCORD_BY]; /* its address */
	bool heard; /* it is up */
	bool expected; /* it is not, but may be in a moment */
	bool known; /* `told` is what it says now, or said last */
	struct accord_told told;
};

enum accord_course {
	ACCORD_REST,
	ACCORD_OPENING,
	ACCORD_ASKING,
	ACCORD_DECIDING,
	ACCORD_SPREADING
};

struct accord {
	uint8_t me[ACCORD_BY];
	struct accord_record record; /* as it is written down */
	bool left; /* what is in force is another one than what is decided */
	struct accord_peer peers[ACCORD_PEERS];
	size_t n;
	struct accord_job job; /* that is under way */
	enum accord_course course; /* of an own proposal */
	bool refused; /* a peer has said no to it, whatever that one says now */
	bool failed; /* it is to be given up */
	struct accord_point mine;
	uint64_t since_us; /* of its present stage */
	uint64_t held_us; /* since when `record.next` is kept */
	struct accord_epoch answered; /* with no */
	char why[ACCORD_WHY_LEN], trouble[ACCORD_WHY_LEN];
	char verdict[ACCORD_WHY_LEN]; /* why the last own proposal failed; "": it did not */
	uint64_t retry_us; /* no job that failed before */
	bool was_level; /* since the start */
	uint64_t behind_us; /* since when it is not; 0: it is */
	uint64_t now_us; /* of the last call */
};

int accord_epoch__compare(const struct accord_epoch *a, const struct accord_epoch *b);
/*
 * What goes first of two that are decided. An epoch has two texts only if a machine had an older record, or none, at
 * a start, and used a number again: even then all come to have the same.
 */
int accord_point__compare(const struct accord_point *a, const struct accord_point *b);
bool accord_text__equal(const struct accord_text *a, const struct accord_text *b);

/* After a start: what was written down, or NULL. */
void accord__begin(struct accord *a, uint64_t now_us, const uint8_t me[ACCORD_BY],
		   const struct accord_record *record);

/*
 * This machine proposes a text; false, and a sentence in a->verdict: not now. The first job to come is to
 * prepare it here.
 */
bool accord__propose(struct accord *a, uint64_t now_us, const struct accord_text *text);

/*
 * The next job, which has to end with accord__done() before there is another one. False: there is nothing to do
 * until something changes, or the time does.
 */
bool accord__next(struct accord *a, uint64_t now_us, struct accord_job *out);

/* It has ended, with "" or a sentence: why it failed, and its record is not written. */
void accord__done(struct accord *a, uint64_t now_us, const char *failure);

/* Another configuration runs here: what failed before may succeed, and is tried at once. */
void accord__retry(struct accord *a);

/* What this machine tells now. */
void accord__tell(const struct accord *a, struct accord_told *out);

/* Whether an own proposal is under way; when it no longer is, a->verdict says how it ended. */
bool accord__is_busy(const struct accord *a);

/* What is prepared or under way, so that no other configuration may come into force now; NULL: nothing. */
const struct accord_epoch *accord__bound_by(const struct accord *a);

/*
 * Whether a peer that is heard has a greater epoch in force than this machine. `gives_way`: and for so long that
 * others should be preferred. After accord__next().
 */
bool accord__is_behind(const struct accord *a);
bool accord__gives_way(const struct accord *a);

#endif
