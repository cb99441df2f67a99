/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/duration.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

int duration__parse(const char *text, uint64_t *ms)
{
	size_t n = strspn(text, "0123456789"), u = 0;
	uint64_t value = 0;

	/* As numbers are written everywhere: no sign, no leading zero. */
	if (!n || (n > 1 && text[0] == '0'))
		return -EINVAL;
	if (!text[n])
		return -EDOM;
	while (u < sizeof(units) / sizeof(*units) && strcmp(units[u].name, text + n) != 0)
		u++;
	if (u == sizeof(units) / sizeof(*units))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			value = UINT64_MAX;
	}
	if (__builtin_mul_overflow(value, units[u].ms, &value))
		value = UINT64_MAX;
	*ms = value;
	return 0;
}
