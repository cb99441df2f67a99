/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said where clients see no answer though probes are well: every way to a backend, and its commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "health/suspicion.h"

#define V4 "192.0.2.10"
#define V6 "2001:db8::10"

static const char *of(enum fl_forward mode, const char *vip, bool by_path)
{
	static char text[SUSPICION_LEN];
	const struct suspicion s = {.mode = mode, .vip = vip, .gue_port = 6080, .by_path = by_path};

	assert_ptr_equal(suspicion__text(&s, text), text);
	/* All of it has found room. */
	assert_in_range(strlen(text), 80, SUSPICION_LEN - 2);
	return text;
}

static void says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("'%s' does not say '%s'", text, what);
}

/* Which device takes the outer header off, and how packets that have it are seen. */
static void test_tunnels(void **state)
{
	static const struct {
		enum fl_forward mode;
		const char *vip, *device, *filter, *port, *name;
	} rows[] = {
		{FL_FWD_IPIP4, V4, "type ipip`", "any ip proto 4`", NULL, "decapsulate IPIP."},
		{FL_FWD_IPIP4, V6, "type sit`", "any ip proto 41`", NULL, "decapsulate IPIP."},
		{FL_FWD_IPIP6, V4, "type ip6tnl`", "any ip6 proto 4`", NULL, "decapsulate IPIP."},
		{FL_FWD_IPIP6, V6, "type ip6tnl`", "any ip6 proto 41`", NULL, "decapsulate IPIP."},
		{FL_FWD_GUE4, V4, "type ipip`", "any udp dst port 6080`",
		 "`ip fou show` (port 6080", "decapsulate GUE."},
		{FL_FWD_GUE6, V6, "type ip6tnl`", "any udp dst port 6080`",
		 "`ip -6 fou show` (port 6080", "decapsulate GUE."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = of(rows[i].mode, rows[i].vip, false);
		char vip[64];

		says(text, "not through the tunnel: most likely");
		says(text, rows[i].name);
		says(text, rows[i].device);
		says(text, rows[i].filter);
		says(text, "`bpftool net`");
		snprintf(vip, sizeof(vip), "`ip addr show dev lo` (%s)", rows[i].vip);
		says(text, vip);
		if (rows[i].port)
			says(text, rows[i].port);
		else
			assert_null(strstr(text, "fou"));
	}
}

static void test_others(void **state)
{
	(void)state;
	says(of(FL_FWD_L2, V4, false), "`ip addr show dev lo` (" V4 ")");
	assert_null(strstr(of(FL_FWD_L2, V4, false), "tunnel"));
	says(of(FL_FWD_NAT, V4, false), "`ip route get CLIENT`");
	says(of(FL_FWD_FULLNAT, V4, false), "`ip route get ADDRESS-OF-SNAT`");
	/* A probe that goes where clients go has seen the tunnel's end. */
	for (int mode = FL_FWD_L2; mode <= FL_FWD_FULLNAT; mode++) {
		const char *text = of((enum fl_forward)mode, V6, true);

		says(text, "go by the clients' path");
		assert_null(strstr(text, "decapsulate"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("health_suspicion", tests, NULL, NULL);
}
