/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/announce.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#define ICMPV6 58
#define NEIGHBOUR_ADVERTISEMENT 136
#define NA_LEN 32 /* with the link-layer address */
#define NA_OVERRIDE 0x20
#define TARGET_LINK_LAYER 2

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static uint8_t *put_ether(uint8_t *p, const char *to, const uint8_t mac[6], uint16_t type)
{
	const uint8_t t[2] = {(uint8_t)(type >> 8), (uint8_t)type};

	p = put(p, to, 6);
	p = put(p, mac, 6);
	return put(p, t, 2);
}

/* Sender and target are the same: whoever has an entry for it takes the new address (RFC 5227 3). */
static size_t arp_frame(uint8_t *out, const uint8_t mac[6], const uint8_t *address)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1}; /* Ethernet, IPv4, request */
	static const uint8_t nobody[6];
	uint8_t *p = put_ether(out, "\xff\xff\xff\xff\xff\xff", mac, ETH_P_ARP);

	p = put(p, head, sizeof(head));
	p = put(p, mac, 6);
	p = put(p, address, 4);
	p = put(p, nobody, 6);
	p = put(p, address, 4);
	return (size_t)(p - out);
}

/* Of the pseudo-header (RFC 8200 8.1) and the message. */
static uint16_t icmp6_checksum(const uint8_t *addresses, const uint8_t *message)
{
	uint32_t sum = NA_LEN + ICMPV6;

	for (size_t i = 0; i < 32; i += 2)
		sum += (uint32_t)(addresses[i] << 8 | addresses[i + 1]);
	for (size_t i = 0; i < NA_LEN; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* To all nodes, from the address itself, with the override flag. */
static size_t na_frame(uint8_t *out, const uint8_t mac[6], const uint8_t *address)
{
	static const uint8_t head[] = {0x60, 0, 0, 0, 0, NA_LEN, ICMPV6, 255};
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	static const uint8_t advert[] = {NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, NA_OVERRIDE, 0, 0, 0};
	static const uint8_t option[] = {TARGET_LINK_LAYER, 1};
	uint8_t *p = put_ether(out, "\x33\x33\x00\x00\x00\x01", mac, ETH_P_IPV6), *addresses;
	uint8_t *message;
	uint16_t sum;

	addresses = put(p, head, sizeof(head));
	message = put(put(addresses, address, 16), all_nodes, 16);
	p = put(message, advert, sizeof(advert));
	p = put(p, address, 16);
	p = put(put(p, option, sizeof(option)), mac, 6);
	sum = icmp6_checksum(addresses, message);
	message[2] = (uint8_t)(sum >> 8);
	message[3] = (uint8_t)sum;
	return (size_t)(p - out);
}

size_t announce__frame(uint8_t *out, const uint8_t mac[6], const struct addr *address)
{
	size_t len;
	const uint8_t *raw = addr__bytes(address, &len);

	return len == 4 ? arp_frame(out, mac, raw) : na_frame(out, mac, raw);
}

int announce__open(void)
{
	/* Protocol 0: nothing is received. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

int announce__put(int fd, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = 6};

	/* The type is behind both addresses. */
	memcpy(&to.sll_protocol, frame + 12, sizeof(to.sll_protocol));
	return sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

int announce__send(int fd, uint32_t ifindex, const uint8_t mac[6], const struct addr *addresses,
		   size_t n)
{
	uint8_t frame[ANNOUNCE_MAX_LEN];
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		int one = announce__put(fd, ifindex, frame,
					announce__frame(frame, mac, &addresses[i]));

		if (one)
			rc = one;
	}
	return rc;
}
