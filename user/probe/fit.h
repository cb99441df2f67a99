/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fit.h - whether packets of two sizes arrive by the clients' path: echoes that must not be fragmented.
 */
#ifndef FAIRLEAD_PROBE_FIT_H
#define FAIRLEAD_PROBE_FIT_H

#include "probe/probe.h"

struct fit;

/* `small`: an echo of 64 bytes was answered; `full`: one of the full size. */
typedef void fit_cb(void *ctx, bool small, bool full);

/*
 * Sends echoes to the VIP `target` by `way`, three of each size FIT_GAP_MS apart until one is answered;
 * `size` is that of the large one's IP packet, bytes, 0: none is sent. Calls back once, never from within
 * this call, at most 3 * FIT_GAP_MS later. The caller cancels before the prober is freed.
 */
#define FIT_GAP_MS 300
int prober__fit(struct prober *p, const struct probe_way *way, const struct addr *target,
		uint32_t size, fit_cb *cb, void *ctx, struct fit **out, struct err *err);

/* Gives up; NULL is fine. Not after the callback, after which it is gone. */
void fit__cancel(struct fit *f);

#endif
