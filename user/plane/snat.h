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

#endif
