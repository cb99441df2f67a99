/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seen.h - what there is of a data plane, looked at from outside: nothing is opened for writing, made
 * or locked, so this works beside an agent and without one.
 */
#ifndef FAIRLEAD_PLANE_SEEN_H
#define FAIRLEAD_PLANE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fairlead/abi.h"

#define PLANE_SEEN_OTHERS 8

struct plane_seen {
	int bpffs; /* 0: it is mounted; -ENODEV: something else is; or -errno */
	int pins; /* of this layout, FL_ABI_VERSION: 0: they are there; -ENOENT; -EACCES and the like */
	unsigned int others[PLANE_SEEN_OTHERS]; /* other layouts that have pins */
	size_t n_others;
	bool has_lease;
	struct fl_lease lease;
};

/* What is pinned for an instance. */
void plane_seen__look(const char *instance, struct plane_seen *out);

enum plane_seen_mode {
	PLANE_SEEN_NONE, /* no XDP program */
	PLANE_SEEN_GENERIC, /* in the stack */
	PLANE_SEEN_NATIVE, /* in the driver */
	PLANE_SEEN_OFFLOADED, /* in the device */
};

struct plane_seen_xdp {
	enum plane_seen_mode mode;
	bool ours; /* a pin of the instance says that it is fairlead's; false also without the right to look */
	uint32_t id; /* the program's; 0: none, or several at once */
};

/* The program on an interface. 0 or -errno. */
int plane_seen__xdp(const char *instance, const char *ifname, uint32_t ifindex,
		    struct plane_seen_xdp *out);

#endif
