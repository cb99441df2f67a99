/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr__is4(const struct addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

bool addr__is_link_local(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool addr__equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

struct addr addr__from_bytes(int family, const void *bytes)
{
	struct addr a;

	if (family == AF_INET) {
		memcpy(a.b, mapped, sizeof(mapped));
		memcpy(a.b + 12, bytes, 4);
	} else {
		memcpy(a.b, bytes, 16);
	}
	return a;
}

int addr__family(const struct addr *a)
{
	return addr__is4(a) ? AF_INET : AF_INET6;
}

const uint8_t *addr__bytes(const struct addr *a, size_t *len)
{
	bool v4 = addr__is4(a);

	*len = v4 ? 4 : 16;
	return v4 ? a->b + 12 : a->b;
}

int addr__parse(const char *text, struct addr *out)
{
	uint8_t raw[16];

	if (inet_pton(AF_INET, text, raw) == 1) {
		*out = addr__from_bytes(AF_INET, raw);
		return 0;
	}
	if (inet_pton(AF_INET6, text, raw) == 1) {
		*out = addr__from_bytes(AF_INET6, raw);
		return 0;
	}
	return -EINVAL;
}

int addr__parse_prefix(const char *text, struct addr_prefix *out)
{
	char buf[ADDR_STRLEN + 5], *slash, *end;
	struct addr_prefix p;
	unsigned long len;
	size_t n = strlen(text);

	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, n + 1);
	slash = strchr(buf, '/');
	if (!slash || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	*slash = '\0';
	len = strtoul(slash + 1, &end, 10);
	if (*end || addr__parse(buf, &p.addr))
		return -EINVAL;
	if (len > (addr__is4(&p.addr) ? 32UL : 128UL))
		return -EINVAL;
	p.len = (uint8_t)(addr__is4(&p.addr) ? 96 + len : len);
	for (unsigned int bit = p.len; bit < 128; bit++)
		if (p.addr.b[bit / 8] & (0x80 >> bit % 8))
			return -EINVAL;
	*out = p;
	return 0;
}

int addr__parse_net(const char *text, struct addr_prefix *out)
{
	struct addr_prefix p = {.len = 128};

	if (strchr(text, '/'))
		return addr__parse_prefix(text, out);
	if (addr__parse(text, &p.addr))
		return -EINVAL;
	*out = p;
	return 0;
}

bool addr_prefix__holds(const struct addr_prefix *p, const struct addr *a)
{
	size_t whole = p->len / 8;
	unsigned int rest = p->len % 8;

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return !rest || !((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest));
}

bool addr_prefix__equal(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->len == b->len && addr__equal(&a->addr, &b->addr);
}

const char *addr_prefix__format(const struct addr_prefix *p, char *buf)
{
	size_t n;

	addr__format(&p->addr, buf);
	n = strlen(buf);
	if (p->len < 128)
		snprintf(buf + n, ADDR_PREFIX_STRLEN - n, "/%d",
			 addr__is4(&p->addr) ? p->len - 96 : p->len);
	return buf;
}

/* By hand, as inet_ntop() prints, and a status has thousands of them. */
static void format_v4(const uint8_t raw[4], char *buf)
{
	for (size_t i = 0; i < 4; i++) {
		if (i)
			*buf++ = '.';
		if (raw[i] >= 100)
			*buf++ = (char)('0' + raw[i] / 100);
		if (raw[i] >= 10)
			*buf++ = (char)('0' + raw[i] / 10 % 10);
		*buf++ = (char)('0' + raw[i] % 10);
	}
	*buf = '\0';
}

const char *addr__format(const struct addr *a, char *buf)
{
	size_t len;
	const uint8_t *raw = addr__bytes(a, &len);

	if (len != 4)
		return inet_ntop(AF_INET6, raw, buf, ADDR_STRLEN);
	format_v4(raw, buf);
	return buf;
}

socklen_t addr__sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	size_t len;
	const uint8_t *raw = addr__bytes(a, &len);

	memset(out, 0, sizeof(*out));
	if (len == 4) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, raw, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, raw, 16);
	return sizeof(*in6);
}

int addr__parse_endpoint(const char *text, struct addr *out, uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : "";
	size_t len = colon ? (size_t)(colon - text) : 0, n = strspn(digits, "0123456789");
	bool bracketed = *text == '[';
	char copy[ADDR_STRLEN];
	unsigned long value;
	struct addr a;

	if (!n || n > 5 || digits[n])
		return -EINVAL;
	if (bracketed && (len < 2 || text[len - 1] != ']'))
		return -EINVAL;
	len -= bracketed ? 2 : 0;
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text + bracketed, len);
	copy[len] = '\0';
	value = strtoul(digits, NULL, 10);
	if (value < 1 || value > UINT16_MAX || addr__parse(copy, &a) || addr__is4(&a) == bracketed)
		return -EINVAL;
	*out = a;
	*port = (uint16_t)value;
	return 0;
}
