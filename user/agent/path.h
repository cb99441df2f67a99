/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path.h - backends that are probed by the clients' path (`via: path`).
 *
 * The instance has a pair of devices, and each backend of each such service a stand-in, an address that
 * leads to it; bpf/probe.h has the rest of the way. Where a path's probe fails, another one goes
 * straight to the backend, and echoes of two sizes go by the path: what they find together says what is
 * wrong (health/diagnosis.h).
 */
#ifndef FAIRLEAD_AGENT_PATH_H
#define FAIRLEAD_AGENT_PATH_H

#include "config/config.h"
#include "core/err.h"
#include "core/jtext.h"
#include "probe/probe.h"

struct agent;
struct member;
struct path;
struct paths;

/*
 * With the gate `path` open: makes what probes by path of `c` (NULL: nothing) need, or takes it away if
 * neither it nor a backend that has left needs any.
 */
int paths__sync(struct agent *a, const struct config *c, struct err *err);
/* Whether any backend is probed by path now. */
bool paths__used(const struct agent *a);
/* Takes answers that come in by an interface that is attached again. */
void paths__listen(struct agent *a, uint32_t ifindex);
/* Frees what the agent knows; devices and programs stay until the next one makes its own. */
void paths__free(struct agent *a);
/* Removes the devices of an instance. */
int paths__remove(const char *instance, struct err *err);

/* The way of a member's probes, its own from now on until member__quiet(). */
int path__open(struct member *m, struct probe_way *way, struct err *err);
void path__close(struct member *m);
/* The member goes to another entry of `backends`, or to none before it is freed. */
void path__moved(struct member *m);
/* A result of the member's probe. */
void path__result(struct member *m, const struct probe_result *r);
/* {"code": "...", "text": "..."}; null: there is nothing to say. */
void path__write(struct jtext *out, const char *key, const struct member *m);

#endif
