/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp.c - vrrp_instance, vrrp_sync_group, bfd_instance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import/translate.h"

#define MAX_ADDRESSES 64 /* of a group */

/* Whole milliseconds of a decimal number, within fairlead's bounds. */
static long bfd_ms(struct import *im, struct stanza *bfd, const char *keyword)
{
	struct stanza *s = stanza__find(bfd, keyword);
	char *end;
	double ms;

	if (!s)
		return 10;
	ms = strtod(stanza__word(s, 1), &end);
	if (end == stanza__word(s, 1) || *end || !isfinite(ms) || ms < 10 || ms > 60000) {
		out__note(im, s, IMPORT_NOTED, "fairlead takes 10 to 60000 ms; it is 10 ms here");
		return 10;
	}
	return lround(ms);
}

static const char *neighbour(struct stanza *bfd)
{
	struct stanza *s = stanza__find(bfd, "neighbor_ip");

	if (!s)
		s = stanza__find(bfd, "neighbour_ip");
	return s ? stanza__word(s, 1) : "";
}

static void bfd_session(struct import *im, struct stanza *bfd)
{
	struct stanza *source = stanza__find(bfd, "source_ip");

	translate__notes(im, bfd, "bfd_instance");
	out__item(im);
	out__text(im, bfd, "  - peer: %s\n", out__quoted(im, neighbour(bfd)));
	if (source)
		out__option(im, source, "    local: %s\n",
			    out__quoted(im, stanza__word(source, 1)));
	out__text(im, bfd, "    min_tx: %ldms\n    min_rx: %ldms\n    multiplier: %ld\n",
		  bfd_ms(im, bfd, "min_tx"), bfd_ms(im, bfd, "min_rx"),
		  translate__number(im, stanza__find(bfd, "multiplier"), 1, 255, 5));
}

void translate__bfd(struct import *im)
{
	bool any = false;

	for (struct stanza *s = im->root->kids; s; s = s->next) {
		if (!stanza__is(s, "bfd_instance"))
			continue;
		if (!any) {
			out__item(im);
			out__text(im, NULL, "bfd:\n");
		}
		any = true;
		bfd_session(im, s);
	}
}

/* The sync group that has the instance among its members, or NULL. */
static const char *sync_of(const struct import *im, const char *instance)
{
	for (struct stanza *s = im->root->kids; s; s = s->next) {
		const struct stanza *group =
			stanza__is(s, "vrrp_sync_group") ? stanza__find(s, "group") : NULL;

		for (const struct stanza *k = group ? group->kids : NULL; k; k = k->next)
			for (size_t i = 0; i < k->n; i++)
				if (!strcmp(k->words[i], instance))
					return stanza__word(s, 1);
	}
	return NULL;
}

/* What stands behind an address, and what an address of a group has not. */
static void address_notes(struct import *im, struct stanza *s, const char *interface,
			  const char *mask, bool v6)
{
	for (size_t i = 1; i < s->n; i++) {
		if (!strcmp(s->words[i], "dev")) {
			i++;
			if (strcmp(stanza__word(s, i), interface) != 0)
				out__note(
					im, s, IMPORT_REFUSED,
					"all addresses of a group are on its interface, %s, not on %s",
					interface, stanza__word(s, i));
		} else if (!strcmp(s->words[i], "label") || !strcmp(s->words[i], "brd") ||
			   !strcmp(s->words[i], "scope")) {
			out__note(im, s, IMPORT_NOTED, "addresses have no %s here", s->words[i]);
			i++;
		} else {
			out__note(im, s, IMPORT_NOTED, "'%.32s' is left out", s->words[i]);
		}
	}
	if (mask && strcmp(mask, v6 ? "128" : "32") != 0)
		out__note(im, s, IMPORT_NOTED,
			  "the address is a /%d here, not a /%s: it brings no route to a network "
			  "with it",
			  v6 ? 128 : 32, mask);
}

static void addresses(struct import *im, struct stanza *instance, const char *interface)
{
	struct stanza *list = stanza__find(instance, "virtual_ipaddress");
	int family = 0, n = 0;

	out__text(im, list, "    addresses:\n");
	for (struct stanza *s = list ? list->kids : NULL; s; s = s->next) {
		const char *text = stanza__word(s, 0), *slash = strchr(text, '/');
		const char *bare =
			arena__copy(im->arena, text, slash ? (size_t)(slash - text) : strlen(text));
		struct addr a;

		if (addr__parse(bare, &a)) {
			out__note(im, s, IMPORT_REFUSED, "is not an address");
			continue;
		}
		if (family && family != addr__family(&a)) {
			out__note(im, s, IMPORT_REFUSED,
				  "a group has addresses of one family: write a second group");
			continue;
		}
		family = addr__family(&a);
		address_notes(im, s, interface, slash ? slash + 1 : NULL, family == AF_INET6);
		if (++n > MAX_ADDRESSES)
			out__note(im, s, IMPORT_REFUSED,
				  "a group has %d addresses at most: write a second group",
				  MAX_ADDRESSES);
		else
			out__option(im, s, "      - %s\n", out__quoted(im, bare));
	}
}

/* use_vmac [NAME] [MAC]: here the device has its own name, and the RFC's MAC address. */
static void virtual_mac(struct import *im, struct stanza *instance)
{
	struct stanza *s = stanza__find(instance, "use_vmac");

	if (!s)
		return;
	out__option(im, s, "    virtual_mac: true\n");
	for (size_t i = 1; i < s->n; i++) {
		if (strchr(s->words[i], ':'))
			out__note(im, s, IMPORT_REFUSED,
				  "the MAC address is the one of RFC 9568 7.3, not %.32s",
				  s->words[i]);
		else
			out__note(im, s, IMPORT_NOTED,
				  "the device has a name of its own, not %.32s: change what names "
				  "it, as packet filters do",
				  s->words[i]);
	}
}

static void unicast(struct import *im, struct stanza *instance)
{
	struct stanza *list = stanza__find(instance, "unicast_peer");
	struct stanza *source = stanza__find(instance, list ? "unicast_src_ip" : "mcast_src_ip");

	if (source)
		out__option(im, source, "    source: %s\n",
			    out__quoted(im, stanza__word(source, 1)));
	if (!list || !list->kids)
		return;
	out__option(im, list, "    peers:\n");
	for (struct stanza *s = list->kids; s; s = s->next) {
		if (s->n > 1)
			out__note(im, s, IMPORT_REFUSED,
				  "adverts must come with the TTL 255 (RFC 9568 7.1): no other is "
				  "set");
		out__option(im, s, "      - %s\n", out__quoted(im, stanza__word(s, 0)));
	}
}

static bool is_ipv6(const struct stanza *instance)
{
	const struct stanza *list = stanza__find(instance, "virtual_ipaddress");

	return list && list->kids && strchr(stanza__word(list->kids, 0), ':');
}

static void version_note(struct import *im, struct stanza *instance)
{
	const struct stanza *version = stanza__find(instance, "version");
	const struct stanza *global = translate__named(im, "global_defs", "");

	if (!version && global)
		version = stanza__find(global, "vrrp_version");
	if (!is_ipv6(instance) && (!version || strcmp(stanza__word(version, 1), "3") != 0))
		out__note(im, instance, IMPORT_NOTED,
			  "VRRP version 2; fairlead hears it, and speaks version 3: set "
			  "`vrrp_version 3` on all routers before one of them becomes fairlead");
}

static void preemption(struct import *im, struct stanza *instance)
{
	struct stanza *no = stanza__find(instance, "nopreempt");
	struct stanza *delay = stanza__find(instance, "preempt_delay");

	if (no)
		out__option(im, no, "    preempt: false\n");
	if (delay)
		out__option(im, delay, "    preempt_delay: %s\n",
			    out__duration(im, (uint64_t)translate__ms(im, delay, 0, 3600000, 0)));
}

/* Adverts count hundredths of a second. */
static long interval(struct import *im, struct stanza *s)
{
	long ms = translate__ms(im, s, 10, 40950, 1000), rounded = (ms + 5) / 10 * 10;

	if (rounded != ms)
		out__note(im, s, IMPORT_NOTED,
			  "is %ld ms here: adverts count hundredths of a second", rounded);
	return rounded;
}

static void group(struct import *im, struct stanza *s)
{
	struct stanza *interface = stanza__find(s, "interface");
	const struct stanza *global = translate__named(im, "global_defs", "");
	const struct stanza *other = global ? stanza__find(global, "default_interface") : NULL;
	const char *on = interface ? stanza__word(interface, 1)
			 : other   ? stanza__word(other, 1)
				   : "eth0";
	long priority = translate__number(im, stanza__find(s, "priority"), 1, 255, 100);
	const char *sync = sync_of(im, stanza__word(s, 1));
	struct stanza *vrid = stanza__find(s, "virtual_router_id");

	translate__notes(im, s, "vrrp_instance");
	version_note(im, s);
	if (!interface)
		out__note(im, s, IMPORT_NOTED, "names no interface, which is %s here", on);
	out__item(im);
	out__text(im, s, "  - name: %s\n    interface: %s\n",
		  out__quoted(im, translate__name(im, stanza__word(s, 1))), out__quoted(im, on));
	if (vrid)
		out__text(im, vrid, "    vrid: %ld\n", translate__number(im, vrid, 1, 255, 1));
	addresses(im, s, on);
	virtual_mac(im, s);
	out__text(im, stanza__find(s, "advert_int"), "    interval: %s\n",
		  out__duration(im, (uint64_t)interval(im, stanza__find(s, "advert_int"))));
	preemption(im, s);
	unicast(im, s);
	if (sync)
		out__text(im, NULL, "    sync: %s\n", out__quoted(im, translate__name(im, sync)));
	translate__track(im, s, &priority);
	out__text(im, stanza__find(s, "priority"), "    priority: %ld\n", priority);
}

void translate__vrrp(struct import *im)
{
	bool any = false;

	for (struct stanza *s = im->root->kids; s; s = s->next) {
		if (!stanza__is(s, "vrrp_instance"))
			continue;
		if (!any) {
			out__item(im);
			out__text(im, NULL, "vrrp:\n");
		}
		any = true;
		group(im, s);
	}
}
