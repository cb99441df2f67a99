/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_machine.c - the agent and the machine that it runs on. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "doctor/checks.h"

#define REINSTALL "systemctl revert fairleadd && systemctl restart fairleadd"
#define UNIT_FILES 131072 /* LimitNOFILE of the unit */

/* Descriptors: maps, sockets and timers of the agent itself; then what a service and a probe take. */
#define FILES_ALWAYS 128
#define FILES_A_SERVICE 4 /* two slot tables, move table, seats */
#define FILES_A_PROBE 2 /* a connection, and the one that is being closed */

static bool is_attached(const struct doctor_facts *f)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		if (f->devices[i].xdp_known && f->devices[i].xdp.ours)
			return true;
	}
	return false;
}

static void no_agent(const struct doctor_facts *f, struct doctor_report *r)
{
	if (is_attached(f))
		doctor_report__add(
			r, DOCTOR_WARNING, "systemctl start fairleadd",
			"%s; the program goes on without an agent, but backends that die "
			"keep their slots",
			f->agent.why_not);
	else
		doctor_report__add(r, DOCTOR_NOTE, "systemctl start fairleadd",
				   "%s; what only an agent can tell is not looked at",
				   f->agent.why_not);
}

static void judge_versions(const struct doctor_facts *f, struct doctor_report *r)
{
	if (strcmp(f->agent.version, f->version) == 0 && f->agent.abi == FL_ABI_VERSION) {
		doctor_report__ok(r, "the agent answers: version %s, pid %d", f->agent.version,
				  f->agent.pid);
		return;
	}
	/* With another layout a restart could not adopt: which one is installed says what is left to do. */
	doctor_report__add(
		r, DOCTOR_WARNING,
		f->agent.abi == FL_ABI_VERSION ? "systemctl restart fairleadd"
					       : "fairleadd --version",
		"the agent that runs is of version %s (maps v%u), this command of %s (maps "
		"v%d): an upgrade is not complete",
		f->agent.version, f->agent.abi, f->version, FL_ABI_VERSION);
}

void doctor_check__agent(const struct doctor_facts *f, struct doctor_report *r)
{
	char socket[DOCTOR_WORD];

	if (!f->agent.runs) {
		no_agent(f, r);
		return;
	}
	judge_versions(f, r);
	if (f->agent.other_net) {
		doctor_report__add(
			r, DOCTOR_ERROR,
			doctor_report__command(
				r, "nsenter --net=/proc/%d/ns/net fairlead -s %s doctor",
				f->agent.pid, doctor__word(f->agent.socket, socket)),
			"the agent (pid %d) is in another network namespace than this command: "
			"interfaces, routes and their settings are not looked at",
			f->agent.pid);
	}
	if (!f->agent.realtime) {
		doctor_report__add(
			r, DOCTOR_WARNING, REINSTALL,
			"the agent's thread for lease and adverts is not scheduled before "
			"others: on a busy machine these come late (the unit has "
			"LimitRTPRIO=10)");
	}
}

void doctor_check__config(const struct doctor_facts *f, struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	if (!f->config) {
		doctor_report__add(r, DOCTOR_ERROR,
				   doctor_report__command(r, "fairlead config check %s",
							  doctor__word(f->config_file, word)),
				   "%.400s; interfaces, backends and settings are not looked at",
				   f->config_why);
		return;
	}
	if (f->config_newer) {
		doctor_report__add(
			r, DOCTOR_NOTE,
			doctor_report__command(r, "fairlead -s %s config apply",
					       doctor__word(f->agent.socket, word)),
			"%s was written after the agent has read it, and is what is looked at "
			"here",
			f->config_file);
	} else {
		doctor_report__ok(r, "%s is well: %zu services", f->config_file,
				  f->config->n_services);
	}
	if (!f->net_known && !f->agent.other_net)
		doctor_report__add(
			r, DOCTOR_ERROR, "ip -br link",
			"the kernel does not answer when asked for its links and routes: "
			"they are not looked at");
}

void doctor_check__kernel(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_kernel *k = &f->kernel;

	if (k->btf)
		doctor_report__add(
			r, DOCTOR_ERROR,
			k->image[0] ? doctor_report__command(r, "apt-get install %s", k->image)
				    : "grep CONFIG_DEBUG_INFO_BTF= /boot/config-$(uname -r)",
			"the kernel (%s) has no BTF (/sys/kernel/btf/vmlinux: %s): boot one "
			"built with CONFIG_DEBUG_INFO_BTF, as distributions' kernels are",
			k->release, strerror(-k->btf));
	else
		doctor_report__ok(r, "the kernel (%s) has BTF", k->release);
	if (!k->may_try) {
		doctor_report__add(r, DOCTOR_NOTE, "sudo fairlead doctor",
				   "what the kernel can do is not tried: that takes CAP_BPF, "
				   "CAP_PERFMON and CAP_NET_ADMIN");
		return;
	}
	for (size_t i = 0; i < k->n_features; i++) {
		const struct doctor_feature *feature = &k->features[i];

		if (feature->has)
			doctor_report__ok(r, "the kernel has %s, which came with %s", feature->what,
					  feature->since);
		else
			doctor_report__add(
				r, DOCTOR_ERROR,
				k->image[0]
					? doctor_report__command(r, "apt-get install %s", k->image)
					: "bpftool feature probe kernel",
				"the kernel (%s) lacks %s, which Linux has had since %s: "
				"boot a newer one; fairlead is tested with 6.1 and later",
				k->release, feature->what, feature->since);
	}
	if (k->shares)
		doctor_report__ok(r, "the kernel lets several XDP programs share an interface");
	else
		doctor_report__note(r, "the kernel does not let XDP programs share an interface "
				       "(BPF_PROG_TYPE_EXT): fairlead must be alone on it");
}

/* What the configuration needs CAP_NET_RAW for; NULL: nothing. */
static const char *needs_raw(const struct config *c)
{
	if (c && c->n_vrrp)
		return "to send VRRP's adverts";
	for (size_t i = 0; c && i < c->n_services; i++) {
		if (c->services[i].probe.kind == CONFIG_PROBE_ICMP)
			return "for `type: icmp` probes";
		if (c->services[i].probe.by_path)
			return "for the echoes of `via: path` probes";
	}
	return NULL;
}

void doctor_check__capabilities(const struct doctor_facts *f, struct doctor_report *r)
{
	const char *raw = needs_raw(f->config);
	const struct {
		unsigned int cap;
		const char *name, *why;
		bool by_admin; /* CAP_SYS_ADMIN does as well */
	} needed[] = {
		{CAP_BPF, "CAP_BPF", "to load programs and use maps", true},
		{CAP_PERFMON, "CAP_PERFMON", "for the verifier to trust the program's pointers",
		 true},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach XDP and to ask for neighbours", false},
		{CAP_NET_RAW, "CAP_NET_RAW", raw, false},
	};
	bool admin = f->agent.capabilities >> CAP_SYS_ADMIN & 1;
	size_t missing = 0;

	if (!f->agent.runs)
		return;
	if (!f->agent.pid_seen) {
		doctor_report__add(
			r, DOCTOR_NOTE, "sudo fairlead doctor",
			"the agent's capabilities and limits can't be read: /proc/%d is not "
			"to be seen from here",
			f->agent.pid);
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!needed[i].why || f->agent.capabilities >> needed[i].cap & 1 ||
		    (admin && needed[i].by_admin))
			continue;
		missing++;
		doctor_report__add(
			r, DOCTOR_ERROR, REINSTALL,
			"the agent lacks %s, needed %s; the unit that is installed grants it",
			needed[i].name, needed[i].why);
	}
	if (!missing)
		doctor_report__ok(r, "the agent has the capabilities that it needs");
}

static uint64_t files_needed(const struct doctor_facts *f)
{
	uint64_t probes = f->agent.targets;

	return FILES_ALWAYS + FILES_A_SERVICE * (f->config ? f->config->n_services : 0) +
	       FILES_A_PROBE * probes;
}

/*
 * Locked memory is not looked at: maps are counted as such before Linux 5.11 only, which lacks what
 * fairlead needs (features.c).
 */
void doctor_check__limits(const struct doctor_facts *f, struct doctor_report *r)
{
	uint64_t needed = files_needed(f);

	if (!f->agent.runs || !f->agent.pid_seen || f->agent.files == DOCTOR_UNKNOWN)
		return;
	if ((uint64_t)f->agent.files >= needed) {
		doctor_report__ok(r, "the agent may open %lld files, and needs up to %llu",
				  (long long)f->agent.files, (unsigned long long)needed);
		return;
	}
	/* What the hard limit allows takes no right of its own. */
	if ((uint64_t)f->agent.files_hard >= needed)
		doctor_report__command(r, "prlimit --pid %d --nofile=%lld:", f->agent.pid,
				       (long long)f->agent.files_hard);
	else
		doctor_report__command(r, "prlimit --pid %d --nofile=%d:%d", f->agent.pid,
				       UNIT_FILES, UNIT_FILES);
	doctor_report__add(
		r, DOCTOR_ERROR, r->command,
		"the agent may open %lld files only, and needs up to %llu for this "
		"configuration: probes and reloads will fail (the unit has LimitNOFILE=%d)",
		(long long)f->agent.files, (unsigned long long)needed, UNIT_FILES);
}
