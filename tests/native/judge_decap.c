/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge.h"

#include <string.h>

#include "wire.h"

/* What was taken off is a whole outer header; what is left is the inner packet but for its ECN. */
static void judge_stripped(const struct judged *j)
{
	uint32_t off = j->in_len - j->out_len, header;
	/* RFC 6040 figure 4, [inner][outer]; 9: it is dropped. */
	static const uint8_t ecn[4][4] = {{0, 0, 0, 9}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	struct wire in, inner, out;

	judge_that(j, wire__frame(&in, j->in, j->in_len), "unwrapped what was no IP packet");
	judge_that(j, !in.fragment, "unwrapped a fragment");
	judge_that(j, off >= 20 && off <= 60 + 12, "no outer header has that length");
	judge_that(j, wire__frame(&out, j->out, j->out_len), "the inner packet is not well-formed");
	judge_that(j, out.l3 == in.l3 && !memcmp(j->in, j->out, in.l3 - 2),
		   "the link-layer header changed");
	judge_that(j, wire__ip(&inner, j->in, in.l3 + in.l3_len, in.l3 + off),
		   "the inner packet does not lie within the outer one");
	judge_that(j, out.ttl == inner.ttl && (out.tos & ~3) == (inner.tos & ~3),
		   "more than ECN changed");
	judge_that(j, (out.tos & 3) == ecn[inner.tos & 3][in.tos & 3], "not the ECN of RFC 6040");
	judge_that(j, !wire__header_right(&inner) || wire__header_right(&out),
		   "the inner header's checksum was right, and is not");
	header = out.version == 4 ? 12 : 2; /* from here on nothing may change */
	judge_that(j,
		   !memcmp(j->out + out.l3 + header, j->in + inner.l3 + header,
			   j->out_len - out.l3 - header),
		   "the inner packet changed");
}

void judge__decap(const struct judged *j)
{
	judge_that(j, j->action == XDP_PASS || j->action == XDP_DROP, "no action of decap");
	judge_that(j, j->out_len <= j->in_len, "decap made a frame longer");
	if (j->action == XDP_PASS && j->out_len != j->in_len)
		judge_stripped(j);
	else
		judge_that(j, j->out_len == j->in_len && !memcmp(j->in, j->out, j->in_len),
			   "a frame that was not unwrapped is not as it came");
}
