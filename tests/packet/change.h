/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change.h - the variations of a packet that several tables go through. */
#ifndef FAIRLEAD_TESTS_PACKET_CHANGE_H
#define FAIRLEAD_TESTS_PACKET_CHANGE_H

#include "build.h"

void change__tag(struct spec *s);
void change__qinq(struct spec *s);
void change__two_c_tags(struct spec *s);
void change__three_tags(struct spec *s);
void change__option(struct spec *s);
void change__all_options(struct spec *s);
void change__tag_and_options(struct spec *s);
void change__empty(struct spec *s);
void change__padded(struct spec *s);
void change__large(struct spec *s);
void change__tos(struct spec *s);
void change__ttl_0(struct spec *s);
void change__ttl_1(struct spec *s);
void change__ttl_2(struct spec *s);
void change__ttl_255(struct spec *s);
void change__df(struct spec *s);
void change__fin(struct spec *s);
void change__rst(struct spec *s);

/*
 * Rows of struct packet_case for both protocols over both versions: what a packet for a service is
 * whatever its family.
 */
#define EVERY(what, change, verdict, backend)                                           \
	{what ", TCP over IPv4", 4, PROTO_TCP, change, NULL, verdict, backend},         \
		{what ", TCP over IPv6", 6, PROTO_TCP, change, NULL, verdict, backend}, \
		{what ", UDP over IPv4", 4, PROTO_UDP, change, NULL, verdict, backend}, \
	{                                                                               \
		what ", UDP over IPv6", 6, PROTO_UDP, change, NULL, verdict, backend    \
	}

/* What every way of forwarding leaves alone. */
#define COMMON_ROWS(how, verdict, backend)                                                           \
	EVERY(how ": plain", NULL, verdict, backend),                                                \
		EVERY(how ": one VLAN tag", change__tag, verdict, backend),                          \
		EVERY(how ": 802.1ad and 802.1Q tags", change__qinq, verdict, backend),              \
		EVERY(how ": two 802.1Q tags", change__two_c_tags, verdict, backend),                \
		EVERY(how ": no payload", change__empty, verdict, backend),                          \
		EVERY(how ": no payload, padded", change__padded, verdict, backend),                 \
		EVERY(how ": large", change__large, verdict, backend),                               \
		EVERY(how ": DSCP and ECN", change__tos, verdict, backend),                          \
		EVERY(how ": TTL 2", change__ttl_2, verdict, backend),                               \
		EVERY(how ": TTL 255", change__ttl_255, verdict, backend),                           \
		{how ": one word of options", 4, PROTO_TCP, change__option, NULL, verdict, backend}, \
		{how ": 40 bytes of options",                                                        \
		 4,                                                                                  \
		 PROTO_UDP,                                                                          \
		 change__all_options,                                                                \
		 NULL,                                                                               \
		 verdict,                                                                            \
		 backend},                                                                           \
		{how ": a tag and options",                                                          \
		 4,                                                                                  \
		 PROTO_TCP,                                                                          \
		 change__tag_and_options,                                                            \
		 NULL,                                                                               \
		 verdict,                                                                            \
		 backend},                                                                           \
		{how ": don't fragment", 4, PROTO_UDP, change__df, NULL, verdict, backend},          \
		{how ": FIN", 4, PROTO_TCP, change__fin, NULL, verdict, backend},                    \
	{                                                                                            \
		how ": RST", 6, PROTO_TCP, change__rst, NULL, verdict, backend                       \
	}

#endif
