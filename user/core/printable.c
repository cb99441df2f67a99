/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/printable.h"

#include <ctype.h>

void printable__copy(char *to, size_t size, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = isascii(from[i]) && isprint(from[i]) ? (char)from[i] : '?';
	to[n] = '\0';
}
