/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/since.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/format.h"
#include "core/duration.h"

#define DAY_MS INT64_C(86400000)

int64_t since__now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* "7d": longer than configurations have a unit for. */
static int parse_days(const char *text, uint64_t *ms)
{
	char *end;
	unsigned long days;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	days = strtoul(text, &end, 10);
	if (strcmp(end, "d") != 0 || days > 100000)
		return -EINVAL;
	*ms = days * (uint64_t)DAY_MS;
	return 0;
}

int since__parse(const char *text, int64_t now_ms, int64_t *out)
{
	char midnight[40];
	uint64_t ago = 0;
	time_t t;

	if (!parse_days(text, &ago) || !duration__parse(text, &ago)) {
		if (ago > (uint64_t)now_ms)
			return -EINVAL;
		*out = now_ms - (int64_t)ago;
		return 0;
	}
	snprintf(midnight, sizeof(midnight), "%.20sT00:00:00Z", text);
	if (format__parse_time(text, &t) && format__parse_time(midnight, &t))
		return -EINVAL;
	if (t < 0)
		return -EINVAL;
	*out = (int64_t)t * 1000;
	return 0;
}
