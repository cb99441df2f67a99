/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture_blocks.c - captured packets as blocks of pcapng. */
#include "agent/agent.h"
#include "agent/capture.h"

void capture_blocks__head(struct pcapng *out, uint32_t snap)
{
	pcapng__section(out, "fairlead " FAIRLEAD_VERSION,
			"packets as they came in and, if they left, as they left; the comment "
			"says what became of each");
	pcapng__interface(out, "in", "packets as they came in", snap);
	pcapng__interface(out, "out", "packets as they left", snap);
}

void capture_blocks__packet(struct pcapng *out, const struct agent *a, const struct fl_captured *p,
			    uint64_t number, uint64_t realtime_ns)
{
	char comment[CAPTURE_COMMENT];
	struct pcapng_packet packet = {
		.interface = CAPTURE_IN,
		.time_ns = p->time_ns + realtime_ns,
		.data = (const uint8_t *)(p + 1),
		.kept = p->kept,
		.len = p->len,
		.direction = PCAPNG_INBOUND,
		.id = number,
		.action = p->action,
		.comment = comment,
	};

	capture_text__comment(a, p, comment);
	pcapng__packet(out, &packet);
	if (!p->out_kept)
		return;
	packet.interface = CAPTURE_OUT;
	packet.time_ns = p->out_ns + realtime_ns;
	packet.data += p->kept;
	packet.kept = p->out_kept;
	packet.len = p->out_len;
	packet.direction = PCAPNG_OUTBOUND;
	pcapng__packet(out, &packet);
}
