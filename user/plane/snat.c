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

struct snat_part snat__part(uint16_t first, uint16_t last, const struct addr *own,
			    const struct addr *const *others, size_t n)
{
	size_t ports = (size_t)(last - first + 1) / (n + 1), rank = 0;

	for (size_t i = 0; i < n; i++)
		rank += memcmp(others[i]->b, own->b, sizeof(own->b)) < 0;
	return (struct snat_part){(uint16_t)(first + rank * ports),
				  (uint16_t)(first + (rank + 1) * ports - 1)};
}
