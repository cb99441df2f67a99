/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/bfd_wire.h"

#include <arpa/inet.h>
#include <string.h>

#define VERSION 1
#define AUTH_MIN_LEN 2 /* bytes of the smallest authentication section: type and length */

/* The second byte, beside the state. */
#define FLAG_POLL 0x20
#define FLAG_FINAL 0x10
#define FLAG_AUTH 0x04
#define FLAG_DEMAND 0x02
#define FLAG_MULTIPOINT 0x01

struct header {
	uint8_t version_diag, state_flags, mult, length;
	uint32_t mine, yours, min_tx, min_rx, min_echo_rx; /* network order */
};
_Static_assert(sizeof(struct header) == BFD_WIRE_LEN, "RFC 5880 4.1");

const char *bfd_refusal__name(enum bfd_refusal refusal)
{
	static const char *const names[BFD_REFUSALS] = {
		[BFD_ACCEPTED] = "",
		[BFD_BAD_VERSION] = "version",
		[BFD_BAD_LENGTH] = "length",
		[BFD_BAD_MULT] = "multiplier",
		[BFD_BAD_MULTIPOINT] = "multipoint",
		[BFD_BAD_MINE] = "my_discriminator",
		[BFD_BAD_YOURS] = "your_discriminator",
		[BFD_BAD_STATE] = "state",
		[BFD_BAD_PEER] = "peer",
		[BFD_BAD_AUTH] = "authentication",
	};

	return names[refusal];
}

const char *bfd_state__name(enum bfd_state state)
{
	static const char *const names[] = {"admin-down", "down", "init", "up"};

	return names[state];
}

const char *bfd_diag__text(uint8_t diag)
{
	static const char *const texts[] = {
		"no diagnostic",
		"control detection time expired",
		"echo function failed",
		"neighbor signaled session down",
		"forwarding plane reset",
		"path down",
		"concatenated path down",
		"administratively down",
		"reverse concatenated path down",
	};

	return diag < sizeof(texts) / sizeof(*texts) ? texts[diag] : "a reason of its own";
}

enum bfd_refusal bfd_wire__read(const uint8_t *bytes, size_t len, struct bfd_packet *out,
				bool *auth)
{
	struct header h = {0};
	size_t least;

	/* Too short to say how long it is: what is there is read for the version, which comes first. */
	memcpy(&h, bytes, len < sizeof(h) ? len : sizeof(h));
	if (len && h.version_diag >> 5 != VERSION)
		return BFD_BAD_VERSION;
	least = h.state_flags & FLAG_AUTH ? BFD_WIRE_LEN + AUTH_MIN_LEN : BFD_WIRE_LEN;
	if (h.length < least || h.length > len)
		return BFD_BAD_LENGTH;
	if (!h.mult)
		return BFD_BAD_MULT;
	if (h.state_flags & FLAG_MULTIPOINT)
		return BFD_BAD_MULTIPOINT;
	if (!h.mine)
		return BFD_BAD_MINE;
	if (!h.yours && h.state_flags >> 6 > BFD_DOWN)
		return BFD_BAD_STATE;
	*auth = h.state_flags & FLAG_AUTH;
	*out = (struct bfd_packet){
		.state = h.state_flags >> 6,
		.diag = h.version_diag & 0x1f,
		.mult = h.mult,
		.poll = h.state_flags & FLAG_POLL,
		.final = h.state_flags & FLAG_FINAL,
		.demand = h.state_flags & FLAG_DEMAND,
		.mine = ntohl(h.mine),
		.yours = ntohl(h.yours),
		.min_tx_us = ntohl(h.min_tx),
		.min_rx_us = ntohl(h.min_rx),
	};
	return BFD_ACCEPTED;
}

void bfd_wire__write(const struct bfd_packet *p, uint8_t bytes[BFD_WIRE_LEN])
{
	struct header h = {
		.version_diag = (uint8_t)(VERSION << 5 | (p->diag & 0x1f)),
		.state_flags =
			(uint8_t)((unsigned int)p->state << 6 | (p->poll ? FLAG_POLL : 0) |
				  (p->final ? FLAG_FINAL : 0) | (p->demand ? FLAG_DEMAND : 0)),
		.mult = p->mult,
		.length = BFD_WIRE_LEN,
		.mine = htonl(p->mine),
		.yours = htonl(p->yours),
		.min_tx = htonl(p->min_tx_us),
		.min_rx = htonl(p->min_rx_us),
	};

	memcpy(bytes, &h, sizeof(h));
}
