/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - is the source of a packet one host's address, so that an answer has somewhere to go? Anybody
 * can write another one into a packet, and have the answer find a crowd, or its sender.
 */
#ifndef FAIRLEAD_BPF_FORWARD_HOST_H
#define FAIRLEAD_BPF_FORWARD_HOST_H

#include <bpf/bpf_endian.h>

#include "pkt.h"

/* RFC 1122 3.2.1.3 and 3.2.2: not 0.0.0.0/8, 127.0.0.0/8, nor multicast, class E or broadcast. */
static __always_inline int is_host4(__be32 addr)
{
	__u32 first = bpf_ntohl(addr) >> 24;

	return first && first != 127 && first < 224;
}

/* RFC 4443 2.4 (e.6), RFC 4291 2.5.3: not ::, ::1, nor ff00::/8. */
static __always_inline int is_host6(const void *addr)
{
	const __u32 *w = addr;

	if ((w[0] & 0xff) == 0xff) /* in memory order */
		return 0;
	return w[0] | w[1] | w[2] || bpf_ntohl(w[3]) > 1;
}

#endif
