/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/base64.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64__encode(const uint8_t *data, size_t n, char *out)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t word = (uint32_t)data[i] << 16;

		if (have > 1)
			word |= (uint32_t)data[i + 1] << 8;
		if (have > 2)
			word |= data[i + 2];
		*out++ = alphabet[word >> 18];
		*out++ = alphabet[word >> 12 & 63];
		*out++ = have > 1 ? alphabet[word >> 6 & 63] : '=';
		*out++ = have > 2 ? alphabet[word & 63] : '=';
	}
}

/* 0..63, or 64: no such character. */
static uint32_t value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

int base64__decode(const char *text, size_t len, uint8_t *out, size_t *n)
{
	size_t at = 0, tail = 0;

	if (len % 4)
		return -EINVAL;
	while (tail < 2 && tail < len && text[len - 1 - tail] == '=')
		tail++;
	for (size_t i = 0; i < len; i += 4) {
		size_t have = i + 4 == len ? 3 - tail : 3;
		uint32_t word = 0;

		for (size_t j = 0; j < 4; j++) {
			uint32_t v = j <= have ? value_of(text[i + j]) : 0;

			if (v > 63)
				return -EINVAL;
			word = word << 6 | v;
		}
		if (have < 3 && word & (have == 2 ? 0xff : 0xffff))
			return -EINVAL;
		out[at++] = (uint8_t)(word >> 16);
		if (have > 1)
			out[at++] = (uint8_t)(word >> 8);
		if (have > 2)
			out[at++] = (uint8_t)word;
	}
	*n = at;
	return 0;
}
