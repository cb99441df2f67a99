/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - what agents tell each other, as keys and values of ledgers, and what two of them make of it.
 *
 *   'k'                       a digest of the flow key (8)
 *   'v'                       the version of fairlead, text
 *   'r'                       it takes records, and tells its own (stream.h); flows of NAT, too: 1 (1)
 *   'w'                       its wall clock less the clock of its stamps (link.h), us (8)
 *   's' service               digests of the service (struct peer_service, 5 x 8)
 *   'b' service NUL backend   what the probes say of the backend: enum fl_health (1)
 *   'o' service NUL backend   what operators have said of it: struct peer_word (3)
 *   'a'                       what it says of configurations for all: struct accord_told (accord_told.c)
 *   'g' group                 a VRRP group: enum peer_vrrp_state (1), priority (1)
 *
 * What of the configuration no table depends on has keys of its own (alike.h).
 *
 * Names are texts without NUL. Digests are the same on every machine for the same configuration, and all
 * numbers in network order. Seats and pools have keys of their own (seats.h, pool.h); letters.h has all of them. Keys of other kinds, of a later version, are passed over.
 */
#ifndef FAIRLEAD_PEER_FACTS_H
#define FAIRLEAD_PEER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fairlead/abi.h"
#include "peer/accord.h"
#include "peer/ledger.h"
#include "peer/word.h"

/* Two services of one name are the same if the first four are. */
struct peer_service {
	uint64_t front; /* address, ports, protocol, affinity, number of slots */
	uint64_t backends; /* their ids, addresses, ports and weights, in any order */
	uint64_t probe;
	uint64_t
		rest; /* the way of forwarding, times, what becomes of verdicts; for more see alike.h */
	uint64_t table; /* which backend has which slot now */
};

/* A digest that is made piece by piece; the same pieces in the same order give the same. */
struct peer_digest {
	uint64_t a, b;
};
void peer_digest__init(struct peer_digest *d);
void peer_digest__add(void *digest, const void *bytes, size_t len);
uint64_t peer_digest__end(const struct peer_digest *d);

/* Each: as ledger__put(). */
int peer_facts__set_flow_key(struct ledger *l, uint64_t digest);
int peer_facts__set_version(struct ledger *l, const char *version);
int peer_facts__set_records(struct ledger *l);
int peer_facts__set_clock(struct ledger *l, int64_t us);
int peer_facts__set_service(struct ledger *l, const char *name, const struct peer_service *s);
int peer_facts__set_backend(struct ledger *l, const char *service, const char *id, uint8_t health);

int peer_facts__set_word(struct ledger *l, const char *service, const char *id,
			 const struct peer_word *word);

int peer_facts__set_accord(struct ledger *l, const struct accord_told *told);
/* False: nothing is told of it, or nothing that this version knows. */
bool peer_facts__accord(const struct ledger *l, struct accord_told *out);

/* On the wire. */
enum peer_vrrp_state { PEER_VRRP_OFF, PEER_VRRP_BACKUP, PEER_VRRP_ACTIVE };

int peer_facts__set_vrrp(struct ledger *l, const char *group, enum peer_vrrp_state state,
			 uint8_t priority);

/* What is told of a VRRP group; false: nothing, or a state that this version does not know. */
bool peer_facts__vrrp(const struct ledger *l, const char *group, enum peer_vrrp_state *state,
		      uint8_t *priority);

/* What is told of its wall clock; false: nothing. */
bool peer_facts__clock(const struct ledger *l, int64_t *us);

/* What is told of a service; false: nothing. */
bool peer_facts__service(const struct ledger *l, const char *name, struct peer_service *out);

/* What is told of a backend; false: nothing. */
bool peer_facts__backend(const struct ledger *l, const char *service, const char *id,
			 uint8_t *health);

/* What operators are told to have said of a backend; false: nothing, or what this version does not know. */
bool peer_facts__word(const struct ledger *l, const char *service, const char *id,
		      struct peer_word *out);

/* Whether a key is about that. */
bool peer_facts__is_word(const void *key, size_t key_len);

/* The first in which two configurations of a service differ, in words; "": in nothing. */
const char *peer_facts__difference(const struct peer_service *a, const struct peer_service *b);

/* Whether both have told of a service, and of the same configuration. */
bool peer_facts__same_service(const struct ledger *ours, const struct ledger *theirs,
			      const char *name);

/* The name of the service that a key speaks of; "": of none. */
const char *peer_facts__service_of(const void *key, size_t key_len, char name[FL_NAME_LEN]);

/* The version of fairlead as text; "" if it is not told. */
const char *peer_facts__version(const struct ledger *l, char *buf, size_t len);

/* Whether records are taken and told; and flows of NAT among them. */
bool peer_facts__records(const struct ledger *l);
bool peer_facts__nat_records(const struct ledger *l);

/* False: both have told of their flow keys, and they differ. */
bool peer_facts__same_flow_key(const struct ledger *ours, const struct ledger *theirs);

#define PEER_DIFFERENCE_LEN 160

/*
 * Whether both have the same configuration, as far as tables depend on it. If not, `text`
 * (PEER_DIFFERENCE_LEN bytes) names the first difference, by names in the order of the alphabet:
 * "service 'web': its backends", "service 'web' is only here".
 */
bool peer_facts__same_config(const struct ledger *ours, const struct ledger *theirs, char *text);

/*
 * Services of the same configuration whose slots have other backends: how many, and the first one's name
 * in `first` (FL_NAME_LEN bytes), "" if there is none.
 */
size_t peer_facts__other_tables(const struct ledger *ours, const struct ledger *theirs,
				char *first);

/* Each backend of which the two say another thing. */
typedef void peer_dispute_cb(void *ctx, const char *service, const char *id, uint8_t ours,
			     uint8_t theirs);
void peer_facts__disputes(const struct ledger *ours, const struct ledger *theirs,
			  peer_dispute_cb *each, void *ctx);

#endif
