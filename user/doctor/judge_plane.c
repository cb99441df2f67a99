/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_plane.c - what is pinned. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/checks.h"

#define DEFAULT_LEASE_MS 1000

void doctor_check__bpffs(const struct doctor_facts *f, struct doctor_report *r)
{
	if (!f->plane.bpffs) {
		doctor_report__ok(r, "bpffs is mounted at /sys/fs/bpf");
		return;
	}
	doctor_report__add(r, DOCTOR_ERROR, "mount -t bpf bpf /sys/fs/bpf",
			   "bpffs is not mounted at /sys/fs/bpf, where fairlead pins its maps%s%s",
			   f->plane.bpffs == -ENODEV ? "" : ": ",
			   f->plane.bpffs == -ENODEV ? "" : strerror(-f->plane.bpffs));
}

static const char *list_others(const struct plane_seen *p, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n_others && at < len; i++)
		at += (size_t)snprintf(buf + at, len - at, "%sv%u", i ? ", " : "", p->others[i]);
	return buf;
}

static void no_pins(const struct doctor_facts *f, struct doctor_report *r)
{
	char others[64];

	if (f->plane.n_others) {
		doctor_report__add(
			r, DOCTOR_ERROR, "fairleadd --version",
			"the maps that are pinned are of another version (%s), which this one (v%d) "
			"can't adopt: stop the agent, run `fairleadd --detach` of the old version, "
			"start the new one",
			list_others(&f->plane, others, sizeof(others)), FL_ABI_VERSION);
	} else if (f->agent.runs) {
		doctor_report__add(
			r, DOCTOR_ERROR, "systemctl restart fairleadd",
			"the agent runs, but its maps are not pinned at /sys/fs/bpf as it "
			"is seen from here: they were removed, or it has another mount "
			"namespace");
	} else {
		doctor_report__add(r, DOCTOR_NOTE, "systemctl start fairleadd",
				   "nothing is pinned: no agent has run yet");
	}
}

void doctor_check__pins(const struct doctor_facts *f, struct doctor_report *r)
{
	char others[64];

	if (f->plane.bpffs)
		return;
	if (f->plane.pins == -ENOENT) {
		no_pins(f, r);
	} else if (f->plane.pins) {
		doctor_report__add(r, DOCTOR_NOTE, "sudo fairlead doctor",
				   "what is pinned can't be looked at: %s",
				   strerror(-f->plane.pins));
	} else if (f->plane.n_others) {
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "ls -d /sys/fs/bpf/fairlead/%s/v*",
					       f->config ? f->config->instance : "main"),
			"beside the maps of this version (v%d) those of another (%s) are "
			"pinned, and hold memory: `fairleadd --detach` of that version was "
			"forgotten",
			FL_ABI_VERSION, list_others(&f->plane, others, sizeof(others)));
	} else {
		doctor_report__ok(r, "the maps that are pinned are of this version (v%d)",
				  FL_ABI_VERSION);
	}
}

static const char *loss_of(const struct config *c)
{
	if (!c)
		return "what on_agent_loss says";
	switch (c->on_agent_loss) {
	case FL_LOSS_PASS:
		return "`pass`: packets are the kernel's";
	case FL_LOSS_DROP:
		return "`drop`";
	default:
		return "`keep`: it steers as before";
	}
}

void doctor_check__lease(const struct doctor_facts *f, struct doctor_report *r)
{
	uint64_t lease_ms = f->config ? f->config->lease_ms : DEFAULT_LEASE_MS;
	bool keeps = f->config && f->config->on_agent_loss == FL_LOSS_KEEP;
	const struct fl_lease *l = &f->plane.lease;
	uint64_t age_ms;

	if (!f->plane.has_lease || !l->started)
		return;
	age_ms = f->now_ns > l->renewed ? (f->now_ns - l->renewed) / 1000000 : 0;
	if (!l->lapsed && age_ms <= lease_ms) {
		doctor_report__ok(r, "the lease was renewed %llu ms ago, and lasts %llu ms",
				  (unsigned long long)age_ms, (unsigned long long)lease_ms);
		return;
	}
	doctor_report__add(
		r, keeps ? DOCTOR_WARNING : DOCTOR_ERROR,
		doctor_report__command(r, "systemctl %s fairleadd",
				       f->agent.runs ? "restart" : "start"),
		"the lease was last renewed %llu.%llu s ago, and lasts %llu ms: the program "
		"does %s",
		(unsigned long long)(age_ms / 1000), (unsigned long long)(age_ms % 1000 / 100),
		(unsigned long long)lease_ms, loss_of(f->config));
}
