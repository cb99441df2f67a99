/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - a frame, its bytes in network order, and RFC 1071 checksums computed over all of it. */
#ifndef FAIRLEAD_TESTS_MODEL_FRAME_H
#define FAIRLEAD_TESTS_MODEL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 3200 /* a test run's page, less its head and tail room, less what a tunnel adds */

#define ETH_LEN 14
#define TAG_LEN 4
#define IPV4_LEN 20
#define IPV6_LEN 40

#define TYPE_IPV4 0x0800
#define TYPE_VLAN 0x8100
#define TYPE_IPV6 0x86dd
#define TYPE_QINQ 0x88a8

#define PROTO_HOP 0
#define PROTO_ICMP 1
#define PROTO_IPV4 4
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_IPV6 41
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_AH 51
#define PROTO_ICMP6 58
#define PROTO_DEST 60
#define PROTO_SCTP 132

struct frame {
	uint32_t len;
	uint8_t b[FRAME_MAX];
};

uint32_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
void put16(uint8_t *at, uint32_t v);
void put32(uint8_t *at, uint32_t v);

/* Sum of 16-bit words, an odd byte padded with 0; not folded. */
uint64_t sum16(const void *data, size_t len);

/* Folded and inverted: a checksum. */
uint16_t sum_fold(uint64_t sum);

/* Sum of the pseudo header of RFC 9293 3.1 or RFC 8200 8.1; addresses as they lie in the header. */
uint64_t sum_pseudo(uint8_t version, const uint8_t *saddr, const uint8_t *daddr, uint32_t len,
		    uint8_t proto);

#endif
