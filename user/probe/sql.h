/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sql.h - what the probes of databases have in common: what is asked of a server's replication. */
#ifndef FAIRLEAD_PROBE_SQL_H
#define FAIRLEAD_PROBE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/internal.h"

#define SQL_INPUT_MAX (1U << 20) /* bytes that a server may send in one try */

/* What a server has said of itself. All zero: a master that follows nobody. */
struct sql_state {
	bool read_only; /* takes no writes: a replica */
	bool follows; /* has a source, and what comes next is about it */
	bool unknown; /* how far it is behind can't be told; `why` says so */
	uint64_t lag_ms;
	char why[120]; /* a clause: "its SQL thread does not run" */
};

/*
 * MariaDB and MySQL: one row of SHOW REPLICA STATUS and its kin, by which a server may follow several
 * sources; the one that is furthest behind counts. Values as text, NULL: SQL's NULL, or no such column.
 */
void sql_state__add_source(struct sql_state *s, const char *io_running, const char *sql_running,
			   const char *seconds_behind);

/*
 * PostgreSQL: pg_is_in_recovery(), whether all that was received is replayed, whether it receives at
 * all, and the age of the last transaction that was replayed in milliseconds (NULL: there is none).
 * Booleans as PostgreSQL writes them. False: that is no answer to what was asked.
 */
bool sql_state__of_recovery(struct sql_state *s, const char *in_recovery, const char *caught_up,
			    const char *receives, const char *age_ms);

/* What the beginning of a conversation says of TLS. */
enum sql_offer { SQL_OFFER_OPEN, SQL_OFFER_NONE, SQL_OFFER_TLS };

/*
 * MariaDB and MySQL: whether the first bytes of a server, its greeting (protocol 10), have CLIENT_SSL
 * among its capabilities. An error instead of a greeting is SQL_OFFER_TLS: nothing will be sent.
 */
enum sql_offer sql_greeting__offer(const uint8_t *bytes, size_t len);

/* The verdict, by the probe's role and max_lag; says why in `detail`. */
enum probe_outcome sql_state__judge(const struct sql_state *s, const struct config_probe *args,
				    char *detail, size_t size);

/*
 * Whether there is a way to the target, and a socket to be had on this machine: what libraries only
 * tell in words. 0, or -errno.
 */
int sql__look(const struct probe *p);

/* What is pending at a socket whose connection was being made: 0 or an errno. */
int sql__socket_error(int fd);

/* Lets a connection end by a reset, so that nothing lingers of a server that does not answer. */
void sql__reset_at_close(int fd);

/* A library's words, as one clause without line ends and what is not printable. */
void sql__clause(char *to, size_t size, const char *text);

/* Whether these words blame this machine: no descriptors, ports or memory. */
bool sql__blames_us(const char *text);

#endif
