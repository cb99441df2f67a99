/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of the agent, the kernel, and what is pinned. */
#include "doctor_facts.h"

static void an_agent_that_answers(void **state)
{
	(void)state;
	ask(doctor_check__agent);
	assert_only(DOCTOR_OK, "the agent answers: version 1.0, pid 77", "");
	facts.agent.realtime = false;
	ask(doctor_check__agent);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_WARNING, "LimitRTPRIO=10",
		       "systemctl revert fairleadd && systemctl restart fairleadd");
}

static void an_agent_of_another_version(void **state)
{
	(void)state;
	snprintf(facts.agent.version, sizeof(facts.agent.version), "0.9");
	ask(doctor_check__agent);
	assert_only(DOCTOR_WARNING, "is of version 0.9", "systemctl restart fairleadd");
	facts.agent.abi = FL_ABI_VERSION - 1; /* a restart could not adopt */
	ask(doctor_check__agent);
	assert_only(DOCTOR_WARNING, "an upgrade is not complete", "fairleadd --version");
}

static void no_agent(void **state)
{
	(void)state;
	facts.agent.runs = false;
	snprintf(facts.agent.why_not, sizeof(facts.agent.why_not), "nobody answers");
	ask(doctor_check__agent);
	assert_only(DOCTOR_WARNING, "nobody answers; the program goes on",
		    "systemctl start fairleadd");
	devices[0].xdp.ours = false;
	devices[1].xdp.ours = false;
	ask(doctor_check__agent);
	assert_only(DOCTOR_NOTE, "nobody answers; what only an agent", "systemctl start fairleadd");
}

static void an_agent_elsewhere(void **state)
{
	(void)state;
	facts.agent.other_net = true;
	ask(doctor_check__agent);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_ERROR, "(pid 77) is in another network namespace",
		       "nsenter --net=/proc/77/ns/net fairlead -s /run/fairlead/main.sock doctor");
}

static void a_configuration_or_none(void **state)
{
	(void)state;
	ask(doctor_check__config);
	assert_only(DOCTOR_OK, "/etc/fairlead/fairlead.yaml is well: 1 services", "");
	facts.config_newer = true;
	ask(doctor_check__config);
	assert_only(DOCTOR_NOTE, "was written after the agent has read it",
		    "fairlead -s /run/fairlead/main.sock config apply");
	facts.net_known = false;
	ask(doctor_check__config);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_ERROR, "the kernel does not answer", "ip -br link");
	facts.agent.other_net = true; /* it was not asked */
	ask(doctor_check__config);
	assert_int_equal(report.n, 1);
	facts.config = NULL;
	snprintf(facts.config_why, sizeof(facts.config_why), "x.yaml:1: wrong");
	ask(doctor_check__config);
	assert_only(DOCTOR_ERROR, "x.yaml:1: wrong; interfaces",
		    "fairlead config check /etc/fairlead/fairlead.yaml");
}

static void a_kernel_with_all(void **state)
{
	(void)state;
	facts.kernel.features[0] = (struct doctor_feature){"timers", "5.15", true};
	facts.kernel.features[1] = (struct doctor_feature){"links", "5.9", true};
	facts.kernel.n_features = 2;
	ask(doctor_check__kernel);
	assert_int_equal(report.n, 4);
	assert_finding(0, DOCTOR_OK, "the kernel (6.1.0) has BTF", "");
	assert_finding(1, DOCTOR_OK, "the kernel has timers, which came with 5.15", "");
	assert_finding(3, DOCTOR_OK, "several XDP programs share", "");
}

static void a_kernel_that_lacks_something(void **state)
{
	(void)state;
	facts.kernel.features[0] = (struct doctor_feature){"timers", "5.15", false};
	facts.kernel.n_features = 1;
	facts.kernel.btf = -ENOENT;
	facts.kernel.shares = false;
	ask(doctor_check__kernel);
	assert_int_equal(report.n, 3);
	assert_finding(0, DOCTOR_ERROR, "has no BTF (/sys/kernel/btf/vmlinux: No such file",
		       "grep CONFIG_DEBUG_INFO_BTF= /boot/config-$(uname -r)");
	assert_finding(1, DOCTOR_ERROR, "(6.1.0) lacks timers, which Linux has had since 5.15",
		       "bpftool feature probe kernel");
	assert_finding(2, DOCTOR_NOTE, "BPF_PROG_TYPE_EXT", "");
	snprintf(facts.kernel.image, sizeof(facts.kernel.image), "linux-image-amd64");
	ask(doctor_check__kernel);
	assert_finding(0, DOCTOR_ERROR, "has no BTF", "apt-get install linux-image-amd64");
	assert_finding(1, DOCTOR_ERROR, "lacks timers", "apt-get install linux-image-amd64");
	facts.kernel.may_try = false; /* nothing is claimed of what was not tried */
	ask(doctor_check__kernel);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_NOTE, "is not tried", "sudo fairlead doctor");
}

static void bpffs(void **state)
{
	(void)state;
	ask(doctor_check__bpffs);
	assert_only(DOCTOR_OK, "bpffs is mounted", "");
	facts.plane.bpffs = -ENODEV;
	ask(doctor_check__bpffs);
	assert_only(DOCTOR_ERROR, "pins its maps", "mount -t bpf bpf /sys/fs/bpf");
	facts.plane.bpffs = -EACCES;
	ask(doctor_check__bpffs);
	assert_only(DOCTOR_ERROR, "pins its maps: Permission denied",
		    "mount -t bpf bpf /sys/fs/bpf");
	ask(doctor_check__pins);
	assert_int_equal(report.n, 0);
}

static void pins(void **state)
{
	(void)state;
	ask(doctor_check__pins);
	assert_only(DOCTOR_OK, "are of this version", "");
	facts.plane.others[0] = 2;
	facts.plane.others[1] = 3;
	facts.plane.n_others = 2;
	ask(doctor_check__pins);
	assert_only(DOCTOR_WARNING, "another (v2, v3)", "ls -d /sys/fs/bpf/fairlead/main/v*");
	facts.plane.pins = -ENOENT;
	ask(doctor_check__pins);
	assert_only(DOCTOR_ERROR, "of another version (v2, v3)", "fairleadd --version");
	facts.plane.n_others = 0;
	ask(doctor_check__pins);
	assert_only(DOCTOR_ERROR, "the agent runs, but its maps are not pinned",
		    "systemctl restart fairleadd");
	facts.agent.runs = false;
	ask(doctor_check__pins);
	assert_only(DOCTOR_NOTE, "no agent has run yet", "systemctl start fairleadd");
	facts.plane.pins = -EACCES;
	ask(doctor_check__pins);
	assert_only(DOCTOR_NOTE, "can't be looked at: Permission denied", "sudo fairlead doctor");
}

static void the_lease(void **state)
{
	static const struct {
		enum fl_agent_loss loss;
		enum doctor_level level;
		const char *text;
	} cases[] = {
		{FL_LOSS_KEEP, DOCTOR_WARNING, "does `keep`"},
		{FL_LOSS_PASS, DOCTOR_ERROR, "does `pass`"},
		{FL_LOSS_DROP, DOCTOR_ERROR, "does `drop`"},
	};

	(void)state;
	ask(doctor_check__lease);
	assert_only(DOCTOR_OK, "renewed 200 ms ago, and lasts 1000 ms", "");
	facts.now_ns = 2000000000; /* to the millisecond */
	ask(doctor_check__lease);
	assert_only(DOCTOR_OK, "1000 ms ago", "");
	facts.now_ns = 4567000000;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		config.on_agent_loss = cases[i].loss;
		ask(doctor_check__lease);
		assert_only(cases[i].level, cases[i].text, "systemctl restart fairleadd");
		assert_non_null(strstr(report.list[0].text, "last renewed 3.5 s ago"));
	}
	facts.now_ns = 1200000000; /* the kernel's word counts, too */
	facts.plane.lease.lapsed = 1;
	facts.agent.runs = false;
	ask(doctor_check__lease);
	assert_only(DOCTOR_ERROR, "does `drop`", "systemctl start fairleadd");
	facts.config = NULL;
	ask(doctor_check__lease);
	assert_only(DOCTOR_ERROR, "what on_agent_loss says", "systemctl start fairleadd");
	facts.plane.lease.started = 0;
	ask(doctor_check__lease);
	assert_int_equal(report.n, 0);
	facts.plane.lease.started = 1;
	facts.plane.has_lease = false;
	ask(doctor_check__lease);
	assert_int_equal(report.n, 0);
}

static uint64_t without(unsigned int cap)
{
	return ~(1ULL << cap | 1ULL << CAP_SYS_ADMIN);
}

static void capabilities(void **state)
{
	static const char fix[] = "systemctl revert fairleadd && systemctl restart fairleadd";
	static const struct {
		unsigned int cap;
		const char *text;
	} cases[] = {
		{CAP_BPF, "lacks CAP_BPF,"},
		{CAP_PERFMON, "lacks CAP_PERFMON,"},
		{CAP_NET_ADMIN, "lacks CAP_NET_ADMIN,"},
	};

	(void)state;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_OK, "has the capabilities", "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		facts.agent.capabilities = without(cases[i].cap);
		ask(doctor_check__capabilities);
		assert_only(DOCTOR_ERROR, cases[i].text, fix);
	}
	/* CAP_SYS_ADMIN does for those of BPF, and not for networks. */
	facts.agent.capabilities = 1ULL << CAP_SYS_ADMIN;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_ERROR, "lacks CAP_NET_ADMIN,", fix);
	facts.agent.pid_seen = false;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_NOTE, "can't be read", "sudo fairlead doctor");
	facts.agent.runs = false;
	ask(doctor_check__capabilities);
	assert_int_equal(report.n, 0);
}

static void raw_sockets_are_for_some(void **state)
{
	(void)state;
	facts.agent.capabilities = without(CAP_NET_RAW);
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_OK, "has the capabilities", "");
	service.probe.kind = CONFIG_PROBE_ICMP;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_ERROR, "lacks CAP_NET_RAW, needed for `type: icmp` probes",
		    "systemctl revert fairleadd && systemctl restart fairleadd");
	service.probe.kind = CONFIG_PROBE_TCP;
	service.probe.by_path = true;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_ERROR, "for the echoes of `via: path` probes",
		    "systemctl revert fairleadd && systemctl restart fairleadd");
	config.n_vrrp = 1;
	ask(doctor_check__capabilities);
	assert_only(DOCTOR_ERROR, "to send VRRP's adverts",
		    "systemctl revert fairleadd && systemctl restart fairleadd");
}

/* 128, 4 a service, 2 a probe. */
static void open_files(void **state)
{
	(void)state;
	facts.agent.targets = 1000;
	facts.agent.files = 2132;
	ask(doctor_check__limits);
	assert_only(DOCTOR_OK, "may open 2132 files, and needs up to 2132", "");
	facts.agent.files = 2131;
	facts.agent.files_hard = 4096;
	ask(doctor_check__limits);
	assert_only(DOCTOR_ERROR, "2131 files only, and needs up to 2132",
		    "prlimit --pid 77 --nofile=4096:");
	facts.agent.files_hard = 2131;
	ask(doctor_check__limits);
	assert_only(DOCTOR_ERROR, "2131 files only", "prlimit --pid 77 --nofile=131072:131072");
	facts.agent.files = DOCTOR_UNKNOWN;
	ask(doctor_check__limits);
	assert_int_equal(report.n, 0);
	facts.agent.files = 1;
	facts.agent.pid_seen = false;
	ask(doctor_check__limits);
	assert_int_equal(report.n, 0);
}

static void the_clock(void **state)
{
	(void)state;
	ask(doctor_check__clock);
	assert_only(DOCTOR_OK, "the clock is synchronised", "");
	facts.clock = 0;
	ask(doctor_check__clock);
	assert_only(DOCTOR_NOTE, "with other machines'", "timedatectl set-ntp true");
	config.n_peers = 1;
	ask(doctor_check__clock);
	assert_only(DOCTOR_WARNING, "with the peers'", "timedatectl set-ntp true");
	facts.clock = DOCTOR_UNKNOWN;
	ask(doctor_check__clock);
	assert_int_equal(report.n, 0);
}

static void clocks_of_peers(void **state)
{
	struct doctor_peer *p = facts.agent.peers;

	(void)state;
	facts.agent.n_peers = 3; /* the last one is of a version that tells no time */
	for (size_t i = 0; i < 2; i++) {
		snprintf(p[i].name, sizeof(p[i].name), "lb%zu", i + 2);
		snprintf(p[i].address, sizeof(p[i].address), "10.0.0.%zu", i + 2);
		p[i].clock_known = true;
	}
	p[0].skew_ms = 999;
	p[1].skew_ms = -999;
	ask(doctor_check__clock);
	assert_int_equal(report.n, 2);
	assert_finding(0, DOCTOR_OK, "the clocks of 2 of 3 peers are within 1000 ms", "");
	p[1].skew_ms = -1000;
	ask(doctor_check__clock);
	assert_int_equal(report.n, 3);
	assert_finding(
		0, DOCTOR_WARNING,
		"the clock of peer lb3 is 1.0 s behind this machine's, which is synchronised",
		"ssh 10.0.0.3 timedatectl");
	assert_finding(1, DOCTOR_OK, "1 of 3 peers", "");
	p[0].skew_ms = 7200000;
	facts.clock = 0;
	ask(doctor_check__clock);
	assert_int_equal(report.n, 3);
	assert_finding(0, DOCTOR_WARNING,
		       "the clock of peer lb2 is 7200.0 s ahead of this machine's",
		       "timedatectl set-ntp true && systemctl restart systemd-timesyncd");
	facts.clock = DOCTOR_UNKNOWN;
	facts.chrony = true;
	ask(doctor_check__clock);
	assert_int_equal(report.n, 2);
	assert_finding(1, DOCTOR_WARNING, "not known to be synchronised", "chronyc makestep");
}

/* All checks together: what can't be known is left out, the worst is first. */
static void the_whole(void **state)
{
	(void)state;
	devices[1].rp_filter = facts.rp_filter_all = 0;
	doctor__judge(&facts, &report);
	assert_int_equal(doctor_report__worst(&report), DOCTOR_OK);
	assert_true(report.n > 15);
	for (int i = 0; i < 3; i++) {
		doctor_report__free(&report);
		begin(NULL);
		devices[0].lro = DOCTOR_SWITCH_ON;
		facts.agent.other_net = i == 0;
		facts.config = i == 1 ? NULL : &config;
		facts.net_known = i != 2;
		doctor__judge(&facts, &report);
		for (size_t f = 0; f < report.n; f++)
			assert_string_not_equal(report.list[f].check, "offloads");
		assert_int_equal(report.list[0].level, DOCTOR_ERROR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_agent_that_answers),
		TEST(an_agent_of_another_version),
		TEST(no_agent),
		TEST(an_agent_elsewhere),
		TEST(a_configuration_or_none),
		TEST(a_kernel_with_all),
		TEST(a_kernel_that_lacks_something),
		TEST(bpffs),
		TEST(pins),
		TEST(the_lease),
		TEST(capabilities),
		TEST(raw_sockets_are_for_some),
		TEST(open_files),
		TEST(the_clock),
		TEST(clocks_of_peers),
		TEST(the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
