/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
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
