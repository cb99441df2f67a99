/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/doctor.h"

#include <string.h>

#include "doctor/checks.h"

static const struct {
	const char *name;
	void (*check)(const struct doctor_facts *f, struct doctor_report *r);
	bool net; /* says nothing about an agent in another network namespace */
} checks[] = {
	{"agent", doctor_check__agent, false},
	{"config", doctor_check__config, false},
	{"kernel", doctor_check__kernel, false},
	{"bpffs", doctor_check__bpffs, false},
	{"pins", doctor_check__pins, false},
	{"lease", doctor_check__lease, false},
	{"capabilities", doctor_check__capabilities, false},
	{"limits", doctor_check__limits, false},
	{"clock", doctor_check__clock, false},
	{"alerts", doctor_check__alerts, false},
	{"token", doctor_check__token, false},
	{"bgp", doctor_check__bgp, false},
	{"interface", doctor_check__interface, true},
	{"xdp", doctor_check__xdp, true},
	{"offloads", doctor_check__offloads, true},
	{"checksums", doctor_check__checksums, true},
	{"rings", doctor_check__rings, true},
	{"queues", doctor_check__queues, true},
	{"rss", doctor_check__rss, true},
	{"interrupts", doctor_check__interrupts, true},
	{"nexthops", doctor_check__nexthops, true},
	{"neighbour_table", doctor_check__neighbour_table, true},
	{"mtu", doctor_check__mtu, true},
	{"egress", doctor_check__egress, true},
	{"forwarding", doctor_check__forwarding, true},
	{"redirects", doctor_check__redirects, true},
	{"rp_filter", doctor_check__rp_filter, true},
	{"virtual_mac", doctor_check__virtual_mac, true},
};

void doctor__judge(const struct doctor_facts *f, struct doctor_report *r)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		if (checks[i].net && (f->agent.other_net || !f->config || !f->net_known))
			continue;
		r->check = checks[i].name;
		checks[i].check(f, r);
	}
	doctor_report__sort(r);
}

const char *doctor__edit(const struct doctor_facts *f, struct doctor_report *r)
{
	char file[DOCTOR_WORD], socket[DOCTOR_WORD];

	doctor__word(f->config_file, file);
	doctor__word(f->agent.socket, socket);
	return f->agent.runs
		       ? doctor_report__command(
				 r, "${EDITOR:-vi} %s && fairlead -s %s config apply", file, socket)
		       : doctor_report__command(r, "${EDITOR:-vi} %s && systemctl start fairleadd",
						file);
}

struct doctor_device *doctor_facts__device(const struct doctor_facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		if (strcmp(f->devices[i].name, name) == 0)
			return &f->devices[i];
	}
	return NULL;
}
