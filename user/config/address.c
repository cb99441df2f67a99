/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config/value.h"

/* The widest VIP: the shortest prefix length of each family. */
#define VIP_MIN_LEN4 8
#define VIP_MIN_LEN6 16

/* What makes an address useless as a VIP, backend or source, or NULL. */
static const char *not_unicast(const struct addr *a)
{
	static const struct addr any6, loop6 = {.b = {[15] = 1}};
	const uint8_t *b = a->b;

	if (addr__is4(a)) {
		if (b[12] == 0)
			return "in 0.0.0.0/8, which names no host";
		if (b[12] == 127)
			return "a loopback address";
		if (b[12] >= 224 && b[12] <= 239)
			return "a multicast address";
		if (b[12] == 255 && b[13] == 255 && b[14] == 255 && b[15] == 255)
			return "the broadcast address";
		return NULL;
	}
	if (addr__equal(a, &any6))
		return "the unspecified address";
	if (addr__equal(a, &loop6))
		return "a loopback address";
	if (b[0] == 0xff)
		return "a multicast address";
	if (addr__is_link_local(a))
		return "a link-local address, which means nothing without its interface";
	return NULL;
}

static bool is_text(struct reader *r, struct node *value, const char *noun)
{
	char shown[VALUE_SHOWN];

	if (!option__expect(r, value, NODE_SCALAR, noun))
		return false;
	if (strlen(value->text) == value->len)
		return true;
	reader__problem(r, value, "\"%s\" is not %s", value__show(value->text, shown), noun);
	return false;
}

static void read_host(struct reader *r, const struct option *o, struct node *value, void *base,
		      bool neighbor)
{
	const char *noun = "an IPv4 or IPv6 address", *wrong;
	char shown[VALUE_SHOWN];
	struct addr a;

	if (!is_text(r, value, noun))
		return;
	value__show(value->text, shown);
	if (addr__parse(value->text, &a)) {
		reader__problem(r, value, "\"%s\" is not %s", shown, noun);
		return;
	}
	wrong = neighbor && addr__is_link_local(&a) ? NULL : not_unicast(&a);
	if (wrong)
		reader__problem(r, value, "%s is %s", shown, wrong);
	else
		memcpy((char *)base + o->offset, &a, sizeof(a));
}

void value__host(struct reader *r, const struct option *o, struct node *value, void *base)
{
	read_host(r, o, value, base, false);
}

void value__neighbor(struct reader *r, const struct option *o, struct node *value, void *base)
{
	read_host(r, o, value, base, true);
}

void value__endpoint(struct reader *r, const struct option *o, struct node *value, void *base)
{
	const char *noun = "an address and port";
	char shown[VALUE_SHOWN];
	struct addr a;
	uint16_t port;

	if (!is_text(r, value, noun))
		return;
	value__show(value->text, shown);
	if (addr__parse_endpoint(value->text, &a, &port)) {
		reader__problem(r, value, "\"%s\" is not %s, as in 127.0.0.1:9118 or [::1]:9118",
				shown, noun);
		return;
	}
	memcpy((char *)base + o->offset, &a, sizeof(a));
	memcpy((char *)base + o->offset + sizeof(a), &port, sizeof(port));
}

/* Reads an address or a prefix; `shown` becomes its text for messages. */
static bool read_net(struct reader *r, struct node *value, struct addr_prefix *out,
		     char shown[VALUE_SHOWN])
{
	if (!is_text(r, value, "an address or a prefix"))
		return false;
	value__show(value->text, shown);
	if (addr__parse_net(value->text, out)) {
		if (strchr(value->text, '/'))
			reader__problem(r, value,
					"\"%s\" is not a prefix, as in 192.0.2.0/28 or "
					"2001:db8:1::/64, with its host bits zero",
					shown);
		else
			reader__problem(r, value, "\"%s\" is not an IPv4 or IPv6 address", shown);
		return false;
	}
	return true;
}

void value__net(struct reader *r, const struct option *o, struct node *value, void *base)
{
	static const struct addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};
	struct addr_prefix p;
	char shown[VALUE_SHOWN];

	if (!read_net(r, value, &p, shown))
		return;
	/* IPv4 is kept IPv4-mapped: such a prefix would be one of both families. */
	if (p.len < 96 && addr_prefix__holds(&p, &mapped))
		reader__problem(r, value,
				"%s holds ::ffff:0:0/96, which stands for IPv4; write 2000::/3 for "
				"all of IPv6 that is routed, 0.0.0.0/0 for IPv4",
				shown);
	else
		memcpy((char *)base + o->offset, &p, sizeof(p));
}

static struct addr last_of(const struct addr_prefix *p)
{
	struct addr a = p->addr;

	for (unsigned int bit = p->len; bit < 128; bit++)
		a.b[bit / 8] |= 0x80 >> bit % 8;
	return a;
}

void value__vip(struct reader *r, const struct option *o, struct node *value, void *base)
{
	char shown[VALUE_SHOWN], text[ADDR_STRLEN];
	const char *wrong;
	struct addr_prefix p;
	struct addr last;

	if (!read_net(r, value, &p, shown))
		return;
	if (p.len < (addr__is4(&p.addr) ? 96 + VIP_MIN_LEN4 : VIP_MIN_LEN6)) {
		reader__problem(r, value,
				"%s is too wide: every packet for it would be taken from the "
				"kernel, those for this machine too; the widest are /%d for IPv4 "
				"and /%d for IPv6",
				shown, VIP_MIN_LEN4, VIP_MIN_LEN6);
		return;
	}
	wrong = not_unicast(&p.addr);
	if (wrong) {
		reader__problem(r, value, "%s is %s", shown, wrong);
		return;
	}
	last = last_of(&p);
	wrong = not_unicast(&last);
	if (wrong)
		reader__problem(r, value, "%s holds %s, %s", shown, addr__format(&last, text),
				wrong);
	else
		memcpy((char *)base + o->offset, &p, sizeof(p));
}

static void read_prefix(struct reader *r, const struct option *o, struct node *value, void *base,
			int family, const char *noun)
{
	struct addr_prefix p;
	char shown[VALUE_SHOWN];
	const char *wrong;

	if (!is_text(r, value, noun))
		return;
	value__show(value->text, shown);
	if (addr__parse_prefix(value->text, &p) || addr__family(&p.addr) != family) {
		reader__problem(r, value, "\"%s\" is not %s with its host bits zero", shown, noun);
		return;
	}
	wrong = not_unicast(&p.addr);
	if (wrong)
		reader__problem(r, value, "%s is %s", shown, wrong);
	else
		memcpy((char *)base + o->offset, &p, sizeof(p));
}

void value__prefix4(struct reader *r, const struct option *o, struct node *value, void *base)
{
	read_prefix(r, o, value, base, AF_INET, "an IPv4 prefix, as in 192.0.2.0/28,");
}

void value__prefix6(struct reader *r, const struct option *o, struct node *value, void *base)
{
	read_prefix(r, o, value, base, AF_INET6, "an IPv6 prefix, as in 2001:db8:1::/64,");
}
