/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snat.h - the pool of full NAT as the program reads it: a pure function, see struct fl_snat in abi.h. */
#ifndef FAIRLEAD_PLANE_SNAT_H
#define FAIRLEAD_PLANE_SNAT_H

#include "plane/plane.h"

/*
 * Shares the ports out to `cpus` CPUs (1 or more). The map is written while packets read it, so
 * unused places repeat addresses of the pool: whatever mixture of old and new a packet sees, each
 * address in it is one of either.
 */
struct fl_snat snat__fill(const struct plane_snat *s, unsigned int cpus);

/* The ports of one machine of several that share a pool. */
struct snat_part {
	uint16_t first, last;
};

/*
 * Which of the ports first..last (host order) are those of the machine with the address `own`, if `n` (0 or more)
 * others with the addresses `others` take theirs from the same: equal parts, in the order of the addresses, so all who name
 * the same machines agree. At least n + 1 ports.
 */
struct snat_part snat__part(uint16_t first, uint16_t last, const struct addr *own,
			    const struct addr *const *others, size_t n);

#endif
