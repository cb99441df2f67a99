/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * build.h - frames from descriptions, for the packet tests.
 *
 * A case says what a packet is and what becomes of it in the same terms: the expected frame is the
 * input's description, changed, and built again. So every length and checksum that the BPF program
 * updates in place is computed here from nothing, by code that it does not share.
 */
#ifndef FAIRLEAD_TESTS_PACKET_BUILD_H
#define FAIRLEAD_TESTS_PACKET_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX \
	9216 /* up to 3072 a test run of XDP has them in one buffer, and room for a tunnel header */
#define MAX_TAGS 3
#define MAX_EXTS 10

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
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
#define PROTO_NONE 59
#define PROTO_DEST 60
#define PROTO_SCTP 132

#define FRAG_DF 0x4000
#define FRAG_MF 0x2000

struct frame {
	uint32_t len;
	uint8_t b[FRAME_MAX];
};

struct tag {
	uint16_t tpid;
	uint16_t tci;
};

/* An IPv6 extension header of `len` bytes; `claim`, unless 0, is what its length field says. */
struct ext {
	uint8_t type;
	uint16_t len;
	uint16_t claim;
	uint16_t frag; /* PROTO_FRAGMENT: offset, reserved bits and M as they lie in the header */
	uint32_t id; /* PROTO_FRAGMENT */
};

struct ip {
	uint8_t version; /* 4, 6, or 0: there is no such header */
	uint8_t tos;
	uint8_t ttl;
	uint16_t id;
	uint16_t frag; /* v4: flags and offset */
	uint32_t label; /* v6: flow label, 20 bits */
	uint8_t src[16]; /* v4: the first four bytes */
	uint8_t dst[16];
	uint8_t options; /* v4: bytes of options, a multiple of 4 up to 40 */
	struct ext ext[MAX_EXTS]; /* v6, ends with len 0 */
	int len_lie; /* added to the length field */
};

/* UDP and GUE between an outer header and the inner packet. */
struct gue {
	uint16_t sport, dport; /* dport 0: there is none */
	bool check; /* the UDP checksum is computed, over all that follows; else 0 */
};

struct icmp {
	uint8_t type, code;
	uint32_t rest; /* the second half of the header */
};

struct spec {
	uint8_t dmac[6], smac[6];
	struct tag tags[MAX_TAGS]; /* ends with tpid 0 */
	uint16_t type; /* Ethernet type instead of the IP header's own */
	struct ip tunnel; /* outer header; version 0: none */
	struct gue gue;
	struct ip ip;
	uint8_t proto;
	uint8_t flags; /* TCP: the byte of flags */
	uint32_t seq; /* TCP: the sequence number */
	uint8_t chunk; /* SCTP: type of the first chunk, or what a later fragment has there; 0: as it comes */
	bool no_check; /* UDP: no checksum */
	bool no_upper; /* a later fragment: the payload follows the IP header */
	uint16_t sport, dport;
	struct icmp icmp;
	const struct spec *quote; /* its IP packet is the payload, instead of counted bytes */
	uint16_t payload; /* bytes after the transport header; of a quote 0: all of it */
	uint16_t trailer; /* bytes after the IP packet: Ethernet padding */
};

/* A packet of `version` for the service of rig.h, TCP, with a little payload. */
struct spec build__tcp(uint8_t version);
struct spec build__udp(uint8_t version);

/* An SCTP packet whose first chunk is INIT. */
struct spec build__sctp(uint8_t version);

/* An echo request to the VIP. */
struct spec build__echo(uint8_t version);

/* The packet that answers `s`: addresses and ports turned round. */
struct spec build__reply(const struct spec *s);

/* Makes a first fragment (more to come), or a later one at 8 * offset, of the datagram `id`. */
void build__first(struct spec *s, uint32_t id);
void build__later(struct spec *s, uint32_t id, uint16_t offset);

/* Writes the frame; aborts the test when it does not fit. */
void build__frame(const struct spec *s, struct frame *out);

/* RFC 1071 checksum of `len` bytes: 0 over a header whose own checksum is right. */
uint16_t build__checksum(const void *data, size_t len);

/* Offset of the (outer) IP header. */
uint32_t build__l3(const struct spec *s);

/* Bytes of the (outer) IP packet, its header included. */
uint32_t build__l3_len(const struct spec *s);

#endif
