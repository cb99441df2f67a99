/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bgp_fuzz.c - any bytes as what BIRD and FRR say, in pieces of any size. A dialog stays within its memory, comes
 * to an end, and says that a session is up only if the daemon's word for it is in the bytes.
 *
 * The first byte of an input says which daemon it is, the second one how long pieces are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/dialog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int yes)
{
	if (!yes)
		abort();
}

/* Whether the text is in the bytes. */
static int holds(const uint8_t *data, size_t size, const char *text)
{
	return memmem(data, size, text, strlen(text)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_track_bgp sessions[] = {
		{.daemon = CONFIG_BGP_BIRD, .session = "up4"},
		{.daemon = CONFIG_BGP_FRR, .session = "192.0.2.1", .vrf = "red"},
	};
	static struct bgp_dialog d;
	const struct config_track_bgp *s;
	enum bgp_next next;
	size_t piece;

	if (size < 2)
		return 0;
	s = &sessions[data[0] & 1];
	piece = 1 + data[1];
	next = bgp_dialog__begin(&d, s);
	for (size_t at = 2; at < size && next != BGP_BROKEN; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		must(n <= sizeof(d.in) - d.len);
		memcpy(d.in + d.len, data + at, n);
		next = bgp_dialog__take(&d, n);
		must(d.len < sizeof(d.in) && d.say_len <= sizeof(d.say));
		if (next != BGP_ANSWER && next != BGP_BROKEN)
			continue;
		must(memchr(d.text, '\0', sizeof(d.text)) != NULL);
		for (const char *c = d.text; *c; c++)
			must(*c >= ' ' && *c <= '~');
		must(!d.up ||
		     (next == BGP_ANSWER && holds(data, size, s == sessions ? "up4" : "bgpState")));
		if (next == BGP_ANSWER)
			must(bgp_dialog__ask(&d) == BGP_SAY);
	}
	return 0;
}
