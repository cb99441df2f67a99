/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/address.h"

#include <errno.h>
#include <stdlib.h>

#include "net/address_internal.h"

int net_addresses__open(struct net_addresses **out, struct err *err)
{
	struct net_addresses *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return err__set(err, -ENOMEM, "out of memory");
	rc = net_ask__open(&n->ask, err);
	if (rc) {
		free(n);
		return rc;
	}
	*out = n;
	return 0;
}

void net_addresses__close(struct net_addresses *n)
{
	if (!n)
		return;
	net_ask__close(&n->ask);
	free(n);
}

int net_addresses__keep(struct net_addresses *n, uint32_t ifindex, const struct addr *address,
			uint32_t life_s)
{
	return net_ask__set_address(&n->ask, ifindex, address, life_s);
}

int net_addresses__drop(struct net_addresses *n, uint32_t ifindex, const struct addr *address)
{
	int rc = net_ask__set_address(&n->ask, ifindex, address, 0);

	/* ENODEV: its interface is gone, and with it the address. */
	return rc == -EADDRNOTAVAIL || rc == -ENODEV ? 0 : rc;
}
