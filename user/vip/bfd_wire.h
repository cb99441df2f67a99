/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bfd_wire.h - the BFD control packet (RFC 5880 4.1): made and read; no sockets, no sessions.
 *
 * A packet that RFC 5880 6.8.6 says to discard is refused with the reason, in the order of that
 * section, so that each is counted once. Authentication (section 6.7) is not spoken.
 */
#ifndef FAIRLEAD_VIP_BFD_WIRE_H
#define FAIRLEAD_VIP_BFD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BFD_WIRE_LEN 24 /* bytes of a packet without authentication */
#define BFD_WIRE_MAX 512 /* bytes to read of a datagram: longer than any packet can say it is */

/* RFC 5880 4.1, "Sta". */
enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP };

/* RFC 5880 4.1, "Diag": why the sender's state changed last. Others are carried as they come. */
enum bfd_diag {
	BFD_DIAG_NONE = 0,
	BFD_DIAG_EXPIRED = 1, /* no packet came for the detection time */
	BFD_DIAG_NEIGHBOR = 3, /* the peer says that its session is down */
	BFD_DIAG_ADMIN = 7, /* taken down on purpose */
};

struct bfd_packet {
	enum bfd_state state;
	uint8_t diag; /* 0..31 */
	uint8_t mult; /* 1..255 */
	bool poll, final, demand;
	uint32_t mine, yours; /* discriminators, the sender's and the receiver's */
	uint32_t min_tx_us, min_rx_us; /* Desired Min TX, Required Min RX */
};

/* Why a packet is not for a session; in the order in which it is looked at. */
enum bfd_refusal {
	BFD_ACCEPTED,
	BFD_BAD_VERSION,
	BFD_BAD_LENGTH, /* shorter than a header, or longer than the datagram */
	BFD_BAD_MULT, /* zero */
	BFD_BAD_MULTIPOINT, /* the M bit is set */
	BFD_BAD_MINE, /* zero */
	BFD_BAD_YOURS, /* no session has that discriminator */
	BFD_BAD_STATE, /* knows no session, and is not Down or AdminDown */
	BFD_BAD_PEER, /* knows no session, and no session has such a peer */
	BFD_BAD_AUTH, /* has authentication, which no session uses */
	BFD_REFUSALS,
};

/* "version", "length", ...: as status shows it. "" for BFD_ACCEPTED. */
const char *bfd_refusal__name(enum bfd_refusal refusal);

/* "admin-down", "down", "init", "up". */
const char *bfd_state__name(enum bfd_state state);

/* A diagnostic for people, "control detection time expired"; never NULL. */
const char *bfd_diag__text(uint8_t diag);

/*
 * Reads a datagram's payload of len bytes. What 6.8.6 asks of the packet alone is checked, all up to
 * BFD_BAD_STATE but that `yours` is somebody's; *auth says whether the A bit is set, for the check that
 * comes last. On a refusal *out is untouched.
 */
enum bfd_refusal bfd_wire__read(const uint8_t *bytes, size_t len, struct bfd_packet *out,
				bool *auth);

/* Writes a packet of BFD_WIRE_LEN bytes; echo packets are never asked for (RFC 5880 6.8.9). */
void bfd_wire__write(const struct bfd_packet *p, uint8_t bytes[BFD_WIRE_LEN]);

#endif
