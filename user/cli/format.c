/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *format__si(double value, char *buf)
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;
	int decimals;

	/* 999.5 would be printed as 1000: each threshold is where rounding carries over. */
	while (value >= 999.5 && unit + 2 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	decimals = !unit && value == (double)(long)value ? 0
		   : value >= 99.95			 ? 0
		   : value >= 9.995			 ? 1
							 : 2;
	snprintf(buf, FORMAT_LEN, "%.*f%.*s", decimals, value, unit ? 1 : 0, units + unit);
	return buf;
}

const char *format__duration(double seconds, char *buf)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s < 60)
		snprintf(buf, FORMAT_LEN, "%us", (unsigned int)s);
	else if (s < 3600)
		snprintf(buf, FORMAT_LEN, "%um%us", (unsigned int)(s / 60), (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, FORMAT_LEN, "%uh%um", (unsigned int)(s / 3600),
			 (unsigned int)(s / 60 % 60));
	else
		snprintf(buf, FORMAT_LEN, "%ud%uh", (unsigned int)(s / 86400),
			 (unsigned int)(s / 3600 % 24));
	return buf;
}

const char *format__percent(double share, char *buf)
{
	snprintf(buf, FORMAT_LEN, "%.1f%%", share * 100);
	return buf;
}

int format__parse_time(const char *text, time_t *out)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || strcmp(end, "Z") != 0)
		return -EINVAL;
	*out = timegm(&tm);
	return 0;
}
