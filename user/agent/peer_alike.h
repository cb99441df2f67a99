/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_alike.h - what peers are told of the part of the configuration that no table depends on. */
#ifndef FAIRLEAD_AGENT_PEER_ALIKE_H
#define FAIRLEAD_AGENT_PEER_ALIKE_H

#include "config/config.h"
#include "peer/ledger.h"

/* Writes it to a ledger. 0, or as ledger__put(). */
int peer_alike__publish(const struct config *c, struct ledger *l);

#endif
