/* SPDX-License-Identifier: GPL-2.0-or-later */
/* l4.h - ports of TCP (RFC 9293) and UDP (RFC 768). */
#ifndef FAIRLEAD_BPF_PARSE_L4_H
#define FAIRLEAD_BPF_PARSE_L4_H

#include "pkt.h"

#define TCP_HEADER 20
#define UDP_HEADER 8

static __always_inline int parse_ports(void *data, void *end, struct pkt *p)
{
	__u32 header = p->proto == IPPROTO_TCP ? TCP_HEADER : UDP_HEADER;
	__u32 *ports = data + p->l4;

	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP)
		return FL_V_PASS_NOT_SERVICE;
	if (p->l4 + header > p->l3 + p->l3_len || (void *)(ports + 1) > end)
		return FL_V_PASS_MALFORMED;
	p->ports = *ports;
	return GO_ON;
}

#endif
