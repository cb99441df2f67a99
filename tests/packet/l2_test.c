/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direct server return: of a packet for a service only the MAC addresses change, whatever it is. */
#include "check.h"
#include "change.h"

/* Switching by MAC address is not forwarding by IP: a TTL at its end is not this hop's business. */
static const struct packet_case rows[] = {
	COMMON_ROWS("l2", FL_V_SEND_L2, RIG_L2),
	EVERY("l2: TTL 1", change__ttl_1, FL_V_SEND_L2, RIG_L2),
	EVERY("l2: TTL 0", change__ttl_0, FL_V_SEND_L2, RIG_L2),
};

int main(void)
{
	return check__table("packet_l2", rows, COUNT(rows), NULL, 0);
}
