/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of the sockets of routing daemons; whose rights suffice. */
#include "doctor_facts.h"

#include "doctor/read.h"

static const struct config_track_bgp up4 = {
	.daemon = CONFIG_BGP_BIRD, .session = "up4", .socket = "/run/bird/bird.ctl"};
static const struct config_track_bgp peer = {
	.daemon = CONFIG_BGP_FRR, .session = "192.0.2.1", .socket = "/run/frr/bgpd.vty"};
static struct doctor_bgp list[2];

static struct doctor_bgp *add(const struct config_track_bgp *session, int error)
{
	if (!facts.n_bgp)
		facts.bgp = list;
	list[facts.n_bgp] = (struct doctor_bgp){.session = session, .error = error};
	return &list[facts.n_bgp++];
}

static void nothing_is_tracked(void **state)
{
	(void)state;
	ask(doctor_check__bgp);
	assert_int_equal(report.n, 0);
}

static void all_is_well(void **state)
{
	(void)state;
	add(&up4, 0);
	add(&peer, 0);
	ask(doctor_check__bgp);
	assert_only(DOCTOR_OK, "2 of 2 sockets of routing daemons can be used", "");
}

static void daemons_that_do_not_listen(void **state)
{
	(void)state;
	add(&up4, ENOENT);
	add(&peer, ECONNREFUSED);
	ask(doctor_check__bgp);
	assert_int_equal(report.n, 2);
	assert_finding(0, DOCTOR_WARNING,
		       "BGP session up4 of BIRD can't be asked for, so it costs a VRRP group "
		       "priority: there is no /run/bird/bird.ctl",
		       "systemctl start bird");
	assert_finding(1, DOCTOR_WARNING,
		       "BGP session 192.0.2.1 of FRR can't be asked for, so it costs a VRRP group "
		       "priority: nobody listens at /run/frr/bgpd.vty",
		       "systemctl restart frr");
}

static void rights_of_the_agent(void **state)
{
	struct doctor_bgp *b = add(&peer, 0);

	(void)state;
	b->shut = b->by_group = true;
	b->mode = 0770;
	b->gid = 116;
	snprintf(b->at, sizeof(b->at), "/run/frr/bgpd.vty");
	snprintf(b->group, sizeof(b->group), "frrvty");
	ask(doctor_check__bgp);
	assert_only(
		DOCTOR_ERROR,
		"the agent may not use /run/frr/bgpd.vty, which BGP session 192.0.2.1 of FRR is "
		"asked by, so that costs a VRRP group priority: /run/frr/bgpd.vty is for group "
		"frrvty (mode 0770)",
		"mkdir -p /etc/systemd/system/fairleadd.service.d && printf "
		"'[Service]\\nSupplementaryGroups=frrvty\\n' "
		">/etc/systemd/system/fairleadd.service.d/bgp-116.conf && systemctl daemon-reload "
		"&& systemctl restart fairleadd");
	/* What a group does not have either. */
	b->by_group = false;
	b->mode = 0700;
	ask(doctor_check__bgp);
	assert_only(DOCTOR_ERROR, "(mode 0700)", "namei -l /run/frr/bgpd.vty");
}

static void rights_of_the_caller(void **state)
{
	(void)state;
	add(&up4, EACCES);
	ask(doctor_check__bgp);
	assert_only(DOCTOR_NOTE, "whether anybody listens at /run/bird/bird.ctl can't be seen",
		    "sudo fairlead doctor");
}

static void in_the_whole(void **state)
{
	(void)state;
	add(&up4, 0)->shut = true;
	doctor__judge(&facts, &report);
	assert_string_equal(report.list[0].check, "bgp");
}

static void who_may(void **state)
{
	static const struct {
		unsigned int uid, gid, mode, owner, group, want;
		uint64_t caps;
		bool may;
	} cases[] = {
		{0, 0, 0660, 0, 5, 2, 0, true},
		/* Root's uid alone is nothing special. */
		{0, 0, 0660, 7, 5, 2, 0, false},
		{0, 5, 0660, 7, 5, 2, 0, true},
		{0, 5, 0640, 7, 5, 2, 0, false},
		{0, 0, 0662, 7, 5, 2, 0, true},
		/* The owner's rights are the owner's, whatever others may. */
		{7, 5, 0066, 7, 5, 2, 0, false},
		{0, 5, 0606, 7, 5, 2, 0, false},
		{0, 0, 0000, 7, 5, 2, 1ULL << CAP_DAC_OVERRIDE, true},
		{0, 0, 0000, 7, 5, 2, 1ULL << CAP_DAC_READ_SEARCH, false},
		{0, 0, 0000, 7, 5, 1, 1ULL << CAP_DAC_READ_SEARCH, true},
		{0, 0, 0750, 7, 5, 1, 0, false},
		{0, 0, 0755, 7, 5, 1, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct doctor_agent a = {.uid = cases[i].uid,
					       .gids = {1000, cases[i].gid},
					       .n_gids = 2,
					       .capabilities = cases[i].caps};

		assert_int_equal(doctor_parse__may(&a, cases[i].mode, cases[i].owner,
						   cases[i].group, cases[i].want),
				 cases[i].may);
	}
}

static void identity_of_a_process(void **state)
{
	struct doctor_agent a = {.uid = 9};
	char many[1024] = "Groups:\t";

	(void)state;
	assert_int_equal(doctor_parse__identity("Name:\tfairleadd\n", &a), -EINVAL);
	assert_int_equal(doctor_parse__identity("Uid:\t1\t2\t3\n", &a), -EINVAL);
	assert_int_equal(doctor_parse__identity("Uid:\t1\t2\t3\t4\n", &a), 0);
	assert_int_equal(a.uid, 4);
	assert_int_equal(doctor_parse__identity("Gid:\t5\t6\t7\t8\n", &a), 0);
	assert_int_equal(doctor_parse__identity("Groups:\t115 116 \n", &a), 0);
	assert_int_equal(a.n_gids, 3);
	assert_int_equal(a.gids[0], 8);
	assert_int_equal(a.gids[2], 116);
	assert_int_equal(doctor_parse__identity("Groups:\t\n", &a), 0);
	assert_int_equal(a.n_gids, 3);
	for (int i = 0; i < 100; i++)
		strcat(many, "77 ");
	assert_int_equal(doctor_parse__identity(many, &a), 0);
	assert_int_equal(a.n_gids, DOCTOR_GROUPS);
	assert_int_equal(doctor_parse__identity("Gid:\t5\t6\t7\t8\n", &a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_tracked),
		TEST(all_is_well),
		TEST(daemons_that_do_not_listen),
		TEST(rights_of_the_agent),
		TEST(rights_of_the_caller),
		TEST(in_the_whole),
		TEST(who_may),
		TEST(identity_of_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
