/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/snat.h"

#include <string.h>

struct fl_snat snat__fill(const struct plane_snat *s, unsigned int cpus)
{
	unsigned int ports = (unsigned int)s->port_last - s->port_first + 1;
	struct fl_snat out;

	memset(&out, 0, sizeof(out));
	out.n4 = (__u32)s->n4;
	out.n6 = (__u32)s->n6;
	out.port_first = s->port_first;
	out.port_last = s->port_last;
	out.span = (__u16)(ports / cpus);
	for (size_t i = 0; i < FL_SNAT_ADDRS; i++) {
		if (s->n4)
			memcpy(&out.addr4[i], s->addrs4[i % s->n4].b + 12, sizeof(out.addr4[i]));
		if (s->n6)
			memcpy(out.addr6[i], s->addrs6[i % s->n6].b, sizeof(out.addr6[i]));
	}
	return out;
}
