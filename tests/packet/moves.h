/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * moves.h - slots that are not clean: move tables and records of a rig, written as the agent and the
 * program do it. Time passes by making all that has a time in it older.
 */
#ifndef FAIRLEAD_TESTS_PACKET_MOVES_H
#define FAIRLEAD_TESTS_PACKET_MOVES_H

#include "check.h"

/* Backends, by MAC rewriting; the last two bytes of the MAC address are the index. */
enum moves_backend { MOVES_PREV = 12, MOVES_CUR, MOVES_THIRD, MOVES_END };

/* The plain rig: every slot clean and at MOVES_PREV, no record of anything; services idle for 900 s. */
struct rig *moves__rig(struct rig_gates gates);

/* Over both versions of IP, as `v`. */
#define BOTH for (uint8_t v = 4; v <= 6; v += 2)

/* All slots of every service are MOVING from MOVES_PREV to MOVES_CUR, since now. */
void moves__start(struct rig *r);

/* A rig of which they are; `nat`: with the gate of NAT. */
struct rig *moves__moving(bool nat);

/* A TCP packet with those flags and that sequence number. */
struct spec moves__tcp(uint8_t version, uint8_t flags, uint32_t seq);

/* Every word of every service, and what is in all slots; FL_MOVE_*, without a time: since now. */
void moves__words(struct rig *r, uint32_t word);
void moves__slots(struct rig *r, uint16_t slot);

/* Services of the rig without their move tables. */
void moves__no_tables(struct rig *r);

/* A backend goes, or comes back. */
void moves__gone(struct rig *r, uint32_t backend, bool gone);

/* As if `seconds` had passed. */
void moves__later(struct rig *r, uint32_t seconds);

/* Index of the backend that gets the packet; 0: it is dropped for want of one. */
uint32_t moves__goes_to(struct rig *r, const struct spec *s);
uint32_t moves__frame_goes_to(struct rig *r, const struct frame *f);

/* How often a note was counted since moves__rig(). */
uint64_t moves__noted(struct rig *r, enum fl_note note);

/* The records of a packet's flow; false: there is none. */
struct fl_flow_key moves__key(const struct spec *s);
bool moves__record(struct rig *r, const struct spec *s, struct fl_flow *out);
void moves__set_record(struct rig *r, const struct spec *s, const struct fl_flow *f);
bool moves__tentative(struct rig *r, const struct spec *s, struct fl_tentative *out);
void moves__set_tentative(struct rig *r, const struct spec *s, const struct fl_tentative *t);
bool moves__client(struct rig *r, const struct spec *s, enum fl_affinity a, struct fl_flow *out);

/* How many there are: records, tentative ones, sightings; records of old flows, by `src_flows`. */
uint32_t moves__records(struct rig *r);
uint32_t moves__tentatives(struct rig *r);
uint32_t moves__sightings(struct rig *r);
uint32_t moves__old_flows(struct rig *r);

/* Every cell of `src_flows`. */
void moves__set_old_flows(struct rig *r, uint32_t n);

struct fl_pressure moves__pressure(struct rig *r);
void moves__set_pressure(struct rig *r, const struct fl_pressure *p);
void moves__set_churn(struct rig *r, enum fl_churn what, uint64_t tat);

/* A record of MOVES_CUR in a state, seen and made now. */
struct fl_flow moves__a_record(uint32_t state);

uint32_t moves__now(void);

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10

#endif
