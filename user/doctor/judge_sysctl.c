/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_sysctl.c - the kernel's settings for networks. */
#include <stdio.h>
#include <string.h>

#include "doctor/checks.h"

/*
 * "net.ipv4.conf.eth0.rp_filter": names with dots are for sysctl(8) written with slashes. Returns buf.
 */
static const char *key_of(const char *family, const char *ifname, const char *what,
			  char buf[DOCTOR_FIX])
{
	char key[96], word[DOCTOR_WORD];
	char sep = strchr(ifname, '.') ? '/' : '.';

	snprintf(key, sizeof(key), "net%c%s%cconf%c%s%c%s", sep, family, sep, sep, ifname, sep,
		 what);
	snprintf(buf, DOCTOR_FIX, "%s", doctor__word(key, word));
	return buf;
}

/* Whether a service of nat or fullnat has a VIP of that family. */
static bool translates(const struct doctor_facts *f, bool v4)
{
	for (size_t i = 0; i < f->config->n_services; i++) {
		const struct config_service *s = &f->config->services[i];

		if (config_service__translates(s) && addr__is4(&s->vip.addr) == v4)
			return true;
	}
	return false;
}

/* Replies are looked up in the kernel's routes as if it forwarded them by the interface they came in. */
static void judge_forwarding(const struct doctor_facts *f, bool v4, struct doctor_report *r)
{
	const char *key = v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
	int all = v4 ? f->forward4 : f->forward6;
	size_t off = 0;
	char own[DOCTOR_FIX];

	if (!translates(f, v4) || all == DOCTOR_UNKNOWN)
		return;
	if (!all) {
		doctor_report__add(
			r, DOCTOR_ERROR, doctor_report__command(r, "sysctl -w %s=1", key),
			"forwarding of %s is off, and replies of `nat` and `fullnat` services "
			"find their way to clients only while it is on",
			v4 ? "IPv4" : "IPv6");
		return;
	}
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];

		if (!d->named || (v4 ? d->forwarding4 : d->forwarding6) != 0)
			continue;
		off++;
		doctor_report__add(
			r, DOCTOR_ERROR,
			doctor_report__command(
				r, "sysctl -w %s=1",
				key_of(v4 ? "ipv4" : "ipv6", d->name, "forwarding", own)),
			"%s does not forward %s, and replies of `nat` and `fullnat` services "
			"that come in there find no way to clients",
			d->name, v4 ? "IPv4" : "IPv6");
	}
	if (!off)
		doctor_report__ok(r, "%s is forwarded, as NAT needs it", v4 ? "IPv4" : "IPv6");
}

void doctor_check__forwarding(const struct doctor_facts *f, struct doctor_report *r)
{
	judge_forwarding(f, true, r);
	judge_forwarding(f, false, r);
}

/* With one network for both sides, the kernel shows backends the way around the balancer. */
void doctor_check__redirects(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_device *d = NULL;
	char key[DOCTOR_FIX];

	for (size_t i = 0; i < f->n_devices; i++) {
		if (f->devices[i].named && d)
			return;
		if (f->devices[i].named)
			d = &f->devices[i];
	}
	if (!d || !translates(f, true) || f->redirects_all == DOCTOR_UNKNOWN ||
	    d->redirects == DOCTOR_UNKNOWN)
		return;
	if (!f->redirects_all && !d->redirects) {
		doctor_report__ok(r, "%s sends no ICMP redirects", d->name);
		return;
	}
	doctor_report__add(
		r, DOCTOR_WARNING,
		doctor_report__command(r, "sysctl -w net.ipv4.conf.all.send_redirects=0 %s=0",
				       key_of("ipv4", d->name, "send_redirects", key)),
		"%s is the way to clients and to backends, and sends ICMP redirects: backends "
		"may learn to answer around this machine, which `nat` can't work with",
		d->name);
}

/* The kernel takes the greater of the two (Documentation/networking/ip-sysctl.rst). */
static int effective(const struct doctor_facts *f, const struct doctor_device *d)
{
	if (d->rp_filter == DOCTOR_UNKNOWN || f->rp_filter_all == DOCTOR_UNKNOWN)
		return DOCTOR_UNKNOWN;
	return d->rp_filter > f->rp_filter_all ? d->rp_filter : f->rp_filter_all;
}

/*
 * The program comes before this filter; what it passes to the kernel does not: answers to probes,
 * adverts, BFD, the administrator's own connections, what is forwarded.
 */
void doctor_check__rp_filter(const struct doctor_facts *f, struct doctor_report *r)
{
	size_t used = 0;
	char key[DOCTOR_FIX];

	for (size_t i = 0; i < f->n_devices; i++)
		used += f->devices[i].exists;
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];
		int filter = effective(f, d);

		if (!d->exists || filter == DOCTOR_UNKNOWN)
			continue;
		if (filter != 1 || used < 2) {
			doctor_report__ok(r, "%s: rp_filter is %s", d->name,
					  filter == 0	? "off"
					  : filter == 2 ? "loose"
							: "strict, and it is the only interface");
			continue;
		}
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "sysctl -w %s=2",
					       key_of("ipv4", d->name, "rp_filter", key)),
			"%s: rp_filter is strict: what the kernel gets there from a source "
			"whose route leaves by another interface is dropped, answers to probes "
			"among it",
			d->name);
	}
}
