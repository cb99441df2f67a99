/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stage.h - does a packet begin a connection, or answer in one: TCP, SCTP (RFC 9260), QUIC (RFC 9000). */
#ifndef FAIRLEAD_BPF_PICK_STAGE_H
#define FAIRLEAD_BPF_PICK_STAGE_H

#include "parse/l4.h"
#include "pick/move.h"

#define TCP_SEQ 4 /* offset of the sequence number */
#define SCTP_COOKIE_ECHO 10
#define SCTP_INIT_TAG (SCTP_HEADER + 4) /* offset of an INIT's tag, the first field of the chunk */

#define QUIC_LONG 0x80 /* RFC 9000 17.2: the header's form */
#define QUIC_TYPE 0x30
#define QUIC_DCID 5 /* offset of the destination connection id's length */
#define QUIC_ID_MAX 20
#define QUIC_V1 0x00000001
#define QUIC_V2 0x6b3343cf /* RFC 9369 3.1 */

#define FNV32_BASIS 2166136261U
#define FNV32_PRIME 16777619U

static __always_inline void stage_of_tcp(const struct xdp_md *ctx, struct moving *m)
{
	__u8 *h = at(ctx, m->l4);

	if ((void *)(h + TCP_FLAGS + 1) > frame_end(ctx))
		return;
	m->flags = h[TCP_FLAGS];
	m->mark = bpf_ntohl(*(__be32 *)(h + TCP_SEQ));
	m->stage = (m->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN ? STAGE_BEGINS : STAGE_ANSWERS;
}

static __always_inline void stage_of_sctp(const struct xdp_md *ctx, struct moving *m)
{
	__u8 *h = at(ctx, m->l4);

	if (m->l4 + SCTP_INIT_TAG + 4 > m->end || (void *)(h + SCTP_INIT_TAG + 4) > frame_end(ctx))
		return;
	if (h[SCTP_HEADER] == SCTP_INIT) {
		m->mark = bpf_ntohl(*(__be32 *)(h + SCTP_INIT_TAG));
		m->stage = STAGE_BEGINS;
	} else if (h[SCTP_HEADER] == SCTP_COOKIE_ECHO) {
		m->stage = STAGE_ANSWERS;
	}
}

/* A connection id at its length byte, hashed by FNV-1a; 0: it is not all there. */
static __always_inline __u32 quic_id(const struct xdp_md *ctx, const struct moving *m, __u64 off)
{
	__u8 *b = at(ctx, off);
	__u32 hash, len;

	if (off + 1 > m->end || (void *)(b + 1) > frame_end(ctx))
		return 0;
	len = *b;
	if (len > QUIC_ID_MAX || off + 1 + len > m->end)
		return 0;
	hash = (FNV32_BASIS ^ len) * FNV32_PRIME;
#pragma clang loop unroll(disable)
	for (__u32 i = 1; i <= QUIC_ID_MAX; i++) {
		if (i > len)
			break;
		b = at(ctx, off + i);
		if ((void *)(b + 1) > frame_end(ctx))
			return 0;
		hash = (hash ^ *b) * FNV32_PRIME;
	}
	return hash ? hash : 1;
}

/* An Initial begins; another long header with the client's id answers. Version 2 numbers them anew. */
RARE int stage_of_quic(struct xdp_md *ctx, struct moving *m)
{
	__u32 version, initial, id;
	__u64 off;
	__u8 *h;

	if (!m)
		return 0;
	off = m->l4 + UDP_HEADER;
	h = at(ctx, off);
	if (off + QUIC_DCID + 1 > m->end || (void *)(h + QUIC_DCID + 1) > frame_end(ctx) ||
	    !(h[0] & QUIC_LONG) || h[QUIC_DCID] > QUIC_ID_MAX)
		return 0;
	version = bpf_ntohl(*(__be32 *)(h + 1));
	if (version != QUIC_V1 && version != QUIC_V2)
		return 0;
	initial = (h[0] & QUIC_TYPE) == (version == QUIC_V1 ? 0x00 : 0x10);
	id = quic_id(ctx, m, off + QUIC_DCID + 1 + h[QUIC_DCID]);
	if (!id)
		return 0;
	m->mark = id;
	m->stage = initial ? STAGE_BEGINS : STAGE_ANSWERS;
	return 0;
}

/* Fills in stage, mark and flags; what cannot be read is STAGE_OTHER. */
static __always_inline void find_stage(struct xdp_md *ctx, struct moving *m)
{
	if (m->key.proto == IPPROTO_TCP)
		stage_of_tcp(ctx, m);
	else if (m->key.proto == IPPROTO_SCTP)
		stage_of_sctp(ctx, m);
	else if (m->quic)
		stage_of_quic(ctx, m);
}

#endif
