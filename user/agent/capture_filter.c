/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture_filter.c - from what a client asks for to what the program compares. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/capture.h"
#include "agent/names.h"

#define BURST_NS 20000000 /* of the rate: as much as comes in that time at once */

static uint64_t verdicts_named(const char *name, size_t len)
{
	char word[NAMES_LEN];
	uint64_t found = 0;

	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		names__verdict(v, word);
		if (strlen(word) == len && !memcmp(word, name, len))
			return 1ULL << v;
		names__action(v, word);
		if (strlen(word) == len && !memcmp(word, name, len))
			found |= 1ULL << v;
	}
	return found;
}

/* "drop" is all of its kind. */
static int read_verdicts(const char *names, uint64_t *out, struct err *err)
{
	uint64_t all = 0, one;
	size_t len;

	_Static_assert(FL_VERDICTS <= 64, "a bit for each");
	if (!*names) {
		*out = UINT64_MAX >> (64 - FL_VERDICTS);
		return 0;
	}
	for (;; names += len + 1) {
		len = strcspn(names, ",");
		one = verdicts_named(names, len);
		if (!one)
			return err__set(err, -EINVAL,
					"'%.*s' is no verdict: 'send', 'drop' and 'pass' are all "
					"of their kind, docs/datapath.md names each",
					(int)(len < 64 ? len : 64), names);
		all |= one;
		if (!names[len])
			break;
	}
	*out = all;
	return 0;
}

static int find_names(const struct agent *a, const struct api_capture *what, uint32_t *id,
		      struct err *err)
{
	bool service = !*what->service, backend = !*what->backend;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		bool named = !*what->service || !strcmp(s->name, what->service);

		if (*what->service && named)
			*id = s->id;
		service |= named;
		for (size_t i = 0; named && !backend && i < s->n_members; i++)
			backend = !strcmp(member__id(s->members[i]), what->backend);
	}
	if (!service)
		return err__set(err, -ENOENT, "there is no service '%s'", what->service);
	if (!backend)
		return err__set(err, -ENOENT, "there is no backend '%s'%s%s%s", what->backend,
				*what->service ? " in the service '" : "", what->service,
				*what->service ? "'" : "");
	return 0;
}

static void fill_mask(const struct addr_prefix *p, __u8 address[16], __u8 mask[16])
{
	memcpy(address, p->addr.b, 16);
	for (unsigned int i = 0; i < p->len; i++)
		mask[i / 8] |= (__u8)(0x80 >> i % 8);
}

int capture_filter__make(const struct agent *a, const struct api_capture *what,
			 struct fl_capture *out, struct err *err)
{
	/* What the straight way of the programs decides, too (drop_bug aside, which it cannot come to). */
	static const uint64_t straight = 1ULL << FL_V_PASS_NOT_SERVICE | 1ULL << FL_V_SEND_L2 |
					 1ULL << FL_V_SEND_IPIP | 1ULL << FL_V_SEND_GUE |
					 1ULL << FL_V_SEND_NAT;
	struct fl_capture f = {
		.gap_ns = 1000000000 / what->rate,
		.burst_ns = BURST_NS,
		.snap = what->snap,
		.port = htons(what->port),
		.proto = what->proto,
	};
	uint64_t verdicts = 0;
	int rc = read_verdicts(what->verdicts, &verdicts, err);

	rc = rc ? rc : find_names(a, what, &f.service, err);
	if (rc)
		return rc;
	f.verdicts = verdicts;
	f.flags = verdicts & straight ? FL_CAPTURE_SENT : 0;
	fill_mask(&what->source, f.source, f.source_mask);
	fill_mask(&what->destination, f.dest, f.dest_mask);
	*out = f;
	return 0;
}
