/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decap.h - the backend's program, loaded, and the check of one packet through it. */
#ifndef FAIRLEAD_TESTS_PACKET_DECAP_H
#define FAIRLEAD_TESTS_PACKET_DECAP_H

#include "check.h"

/* The program's fd; loaded on first use. */
int decap__prog(void);

/* cmocka teardown, of a test or of a group. */
int decap__teardown(void **state);

/* An outer header from a balancer to a backend. */
struct ip decap__outer(uint8_t version);

/* Passes, and the frame is `want`'s then. */
void decap__becomes(const struct spec *in, const struct spec *want);

/* Passes as it was. */
void decap__leaves(const struct spec *in);
void decap__leaves_frame(const struct frame *in);

/* Is dropped. */
void decap__drops(const struct spec *in);

#endif
