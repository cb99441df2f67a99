/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixture.h - a small world with one service for each mode, family and protocol; nothing is drawn. */
#ifndef FAIRLEAD_TESTS_MODEL_FIXTURE_H
#define FAIRLEAD_TESTS_MODEL_FIXTURE_H

#include "model.h"
#include "write.h"

#define FIXTURE_MTU 1500
#define FIXTURE_NAT_PORT 8443 /* where `nat` and `fullnat` backends listen */
#define FIXTURE_GUE_PORT 6080
#define FIXTURE_VLAN 100 /* of FL_FWD_L2's and FL_FWD_IPIP6's next hop */
#define FIXTURE_NOW_S 5000

void fixture__make(struct world *w);

/* A client's packet for the service with that mode's backend. */
struct desc fixture__to(enum fl_forward mode, uint8_t version, uint8_t proto);

/* The backend's answer to it, as the backend sends it; for FL_FWD_NAT and FL_FWD_FULLNAT. */
struct desc fixture__answer(const struct world *w, enum fl_forward mode, uint8_t version,
			    uint8_t proto);

/* Runs it at FIXTURE_NOW_S, come in on NET_A. */
void fixture__run(struct world *w, const struct frame *in, struct outcome *out);

/* Index of a backend, also the id of its first service; TCP, then UDP with id + 1. */
uint32_t fixture__index(enum fl_forward mode, uint8_t version);

#endif
