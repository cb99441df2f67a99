/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_words.h - what an operator says of a backend to one agent holds at its peers (peer/word.h).
 *
 * It is told by service's name and backend's id, and pinned with the verdict. A peer that has both takes it, whatever
 * else their files differ in, and goes on to tell it.
 */
#ifndef FAIRLEAD_AGENT_PEER_WORDS_H
#define FAIRLEAD_AGENT_PEER_WORDS_H

#include <stddef.h>

struct agent;
struct ledger;
struct member;
struct peers;

/* An operator has said something of it here, and it has been done. */
void peer_words__said(struct member *m);

/* Puts what was said of it into a ledger; as ledger__put(). */
int peer_words__publish(const struct member *m, struct ledger *l);

/* A peer has told something. */
void peer_words__heard(struct peers *p, const void *key, size_t key_len);

/* Once a turn of the loop, before tables: does what peers were told. */
void peer_words__flush(struct agent *a);

#endif
