/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/read.h"

/* Whether a word stands in the text for itself: "eth1" is not in "eth10-rx". */
static bool holds(const char *text, const char *word)
{
	size_t len = strlen(word);

	if (!len)
		return false;
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
		bool begins = at == text || !isalnum((unsigned char)at[-1]);

		/* A VLAN device's name goes on with a dot; it has no interrupts. */
		if (begins && !isalnum((unsigned char)at[len]))
			return true;
	}
	return false;
}

const char *doctor_parse__image(const char *line)
{
	static const struct {
		const char *line, *image;
	} known[] = {
		{"ID=debian\n", "linux-image-amd64"},
		{"ID=ubuntu\n", "linux-image-generic"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(line, known[i].line) == 0)
			return known[i].image;
	}
	return NULL;
}

int doctor_parse__interrupt(const char *line, const char *ifname, const char *bus)
{
	char *end;
	long number = strtol(line, &end, 10);

	/* Others ("NMI", "LOC") are of no device. */
	if (end == line || *end != ':' || number < 0 || number > 1000000)
		return -1;
	return holds(end + 1, ifname) || holds(end + 1, bus) ? (int)number : -1;
}

int doctor_parse__cpus(const char *list, bool *cpus, size_t n)
{
	char *end;

	for (;;) {
		unsigned long first, last;

		if (!isdigit((unsigned char)*list))
			return -EINVAL;
		first = last = strtoul(list, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first)
			return -EINVAL;
		for (unsigned long i = first; i <= last && i < n; i++)
			cpus[i] = true;
		if (!*end || *end == '\n')
			return 0;
		if (*end != ',')
			return -EINVAL;
		list = end + 1;
	}
}

int doctor_parse__capabilities(const char *line, uint64_t *out)
{
	static const char name[] = "CapEff:";
	unsigned long long value;
	char *end;

	if (strncmp(line, name, sizeof(name) - 1) != 0)
		return -EINVAL;
	line += sizeof(name) - 1;
	value = strtoull(line, &end, 16);
	if (end == line)
		return -EINVAL;
	*out = value;
	return 0;
}

/* A number or "unlimited"; what follows it, or NULL. */
static const char *read_limit(const char *text, int64_t *out)
{
	static const char unlimited[] = "unlimited";
	long long value;
	char *end;

	text += strspn(text, " ");
	if (strncmp(text, unlimited, sizeof(unlimited) - 1) == 0) {
		*out = INT64_MAX;
		return text + sizeof(unlimited) - 1;
	}
	value = strtoll(text, &end, 10);
	if (end == text || value < 0)
		return NULL;
	*out = value;
	return end;
}

int doctor_parse__limit(const char *line, const char *name, int64_t *soft, int64_t *hard)
{
	size_t len = strlen(name);
	int64_t first, second;

	if (strncmp(line, name, len) != 0 || line[len] != ' ')
		return -EINVAL;
	line = read_limit(line + len, &first);
	if (!line || *line != ' ' || !read_limit(line, &second))
		return -EINVAL;
	*soft = first;
	*hard = second;
	return 0;
}

/* A number of a list; what follows it, or NULL: there is none. */
static const char *read_id(const char *text, unsigned int *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text)
		return NULL;
	*out = (unsigned int)value;
	return end;
}

/* Of real, effective, saved and filesystem's the last one, which files are opened by. */
static int read_last(const char *text, unsigned int *out)
{
	int n = 0;

	while (n < 4 && (text = read_id(text, out)))
		n++;
	return n == 4 ? 0 : -EINVAL;
}

int doctor_parse__identity(const char *line, struct doctor_agent *a)
{
	unsigned int gid;

	if (strncmp(line, "Uid:", 4) == 0)
		return read_last(line + 4, &a->uid);
	if (strncmp(line, "Gid:", 4) == 0) {
		if (read_last(line + 4, &gid) || a->n_gids == DOCTOR_GROUPS)
			return -EINVAL;
		a->gids[a->n_gids++] = gid;
		return 0;
	}
	if (strncmp(line, "Groups:", 7) != 0)
		return -EINVAL;
	line += 7;
	while (a->n_gids < DOCTOR_GROUPS && (line = read_id(line, &gid)))
		a->gids[a->n_gids++] = gid;
	return 0;
}

bool doctor_parse__may(const struct doctor_agent *a, unsigned int mode, unsigned int uid,
		       unsigned int gid, unsigned int want)
{
	uint64_t any = UINT64_C(1) << CAP_DAC_OVERRIDE;

	/* To enter a folder, the right to read all does as well. */
	if (want == 1)
		any |= UINT64_C(1) << CAP_DAC_READ_SEARCH;
	if (a->capabilities & any)
		return true;
	if (a->uid == uid)
		return (mode >> 6 & want) == want;
	for (size_t i = 0; i < a->n_gids; i++)
		if (a->gids[i] == gid)
			return (mode >> 3 & want) == want;
	return (mode & want) == want;
}
