/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover.h - a planned failover: another balancer takes over all groups that are active here.
 *
 *   wait until a peer is ready, 2 s at most -> ask (priority 0) -> wait until its advert has come -> reply
 *
 * This balancer has the addresses, and steers, until the other one has said that it is active.
 */
#ifndef FAIRLEAD_AGENT_HANDOVER_H
#define FAIRLEAD_AGENT_HANDOVER_H

#include "api/api.h"
#include "core/err.h"

struct agent;
struct handover;

/* `to`: the peer that is to take over, NULL: whichever. Replies to the request, now or later. */
void handover__start(struct agent *a, const char *to, struct api_request *request);

/* What was handed over may be taken back: {"groups": n}. */
json_t *handover__undo(struct agent *a);

/* Replies to who still waits; before the API goes. */
void handover__stop(struct agent *a);

#endif
