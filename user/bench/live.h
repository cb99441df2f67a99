/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live.h - the program on a device: frames that the kernel makes, through a veth pair and back.
 *
 *     generator (live test run) -> veth "lb": program under test, XDP_TX -> veth "gen": sink
 *
 * All three run on one CPU, one after the other, so the time per packet is the sum of the three plus
 * the driver's part. Therefore the program is compared with two others in its place: one that swaps the MAC
 * addresses and sends the frame back, and one that drops it.
 */
#ifndef FAIRLEAD_BENCH_LIVE_H
#define FAIRLEAD_BENCH_LIVE_H

#include "bench/measure.h"

/* Adds rows "live: ...". A kernel without live frames (before 5.18): says so, 0. */
int live__run(struct bench *b, struct err *err);

#endif
