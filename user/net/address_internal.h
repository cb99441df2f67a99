/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address_internal.h - the socket that address.c and vmac.c ask by. */
#ifndef FAIRLEAD_NET_ADDRESS_INTERNAL_H
#define FAIRLEAD_NET_ADDRESS_INTERNAL_H

#include "net/address.h"
#include "net/internal.h"

struct net_addresses {
	struct net_ask ask;
};

#endif
