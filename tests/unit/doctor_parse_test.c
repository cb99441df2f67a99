/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of /proc, and reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "doctor/read.h"

static void interrupts_of_a_device(void **state)
{
	static const struct {
		const char *line;
		int number;
	} cases[] = {
		{"  42:   1   0  IR-PCI-MSI 524288-edge      eth1-TxRx-0\n", 42},
		{"  43:   1   0  IR-PCI-MSI 524288-edge      eth1\n", 43},
		{"  44:   1   0  IR-PCI-MSI 524288-edge      mlx5_comp0@pci:0000:01:00.1\n", 44},
		{"  45:   1   0  IR-PCI-MSI-0000:01:00.1 0-edge  i40e-eth1-TxRx-3\n", 45},
		{"  46:   1   0  IR-PCI-MSI 524288-edge      eth10-TxRx-0\n", -1},
		{"  47:   1   0  IR-PCI-MSI 524288-edge      veth1-TxRx-0\n", -1},
		{"  48:   1   0  IR-PCI-MSI 524288-edge      mlx5_comp0@pci:0000:01:00.10\n", -1},
		{" NMI:   1   0  Non-maskable interrupts of eth1\n", -1},
		{"           CPU0       CPU1\n", -1},
		{"eth1: 1\n", -1},
		{"99999999: eth1\n", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(doctor_parse__interrupt(cases[i].line, "eth1", "0000:01:00.1"),
				 cases[i].number);
	/* A device without an address on a bus has not everybody's interrupts. */
	assert_int_equal(doctor_parse__interrupt("46: 1 0 edge eth0\n", "eth1", ""), -1);
}

static void lists_of_cpus(void **state)
{
	static const struct {
		const char *list;
		int rc;
		uint8_t cpus; /* of eight, a bit each */
	} cases[] = {
		{"0", 0, 0x01},
		{"3\n", 0, 0x08},
		{"0-3", 0, 0x0f},
		{"1,3", 0, 0x0a},
		{"0-1,4-5\n", 0, 0x33},
		{"6-4000000", 0, 0xc0},
		{"9", 0, 0},
		{"", -EINVAL, 0},
		{"x", -EINVAL, 0},
		{"3-1", -EINVAL, 0},
		{"1,", -EINVAL, 0x02},
		{"1;2", -EINVAL, 0x02},
		{"1-x", -EINVAL, 0x02},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool cpus[8] = {false};

		assert_int_equal(doctor_parse__cpus(cases[i].list, cpus, 8), cases[i].rc);
		for (size_t c = 0; c < 8; c++)
			assert_int_equal(cpus[c], cases[i].cpus >> c & 1);
	}
}

static void capabilities_of_a_process(void **state)
{
	uint64_t value = 5;

	(void)state;
	assert_int_equal(doctor_parse__capabilities("CapEff:\t000000c000003001\n", &value), 0);
	assert_true(value == 0xc000003001);
	assert_int_equal(doctor_parse__capabilities("CapPrm:\t0000000000000001\n", &value),
			 -EINVAL);
	assert_int_equal(doctor_parse__capabilities("CapEff:\n", &value), -EINVAL);
	assert_true(value == 0xc000003001);
}

static void limits_of_a_process(void **state)
{
	static const char name[] = "Max open files";
	int64_t soft = 1, hard = 2;

	(void)state;
	assert_int_equal(doctor_parse__limit("Max open files            1024                 524288"
					     "               files     \n",
					     name, &soft, &hard),
			 0);
	assert_int_equal(soft, 1024);
	assert_int_equal(hard, 524288);
	assert_int_equal(
		doctor_parse__limit("Max open files  7  unlimited  files\n", name, &soft, &hard),
		0);
	assert_int_equal(soft, 7);
	assert_true(hard == INT64_MAX);
	assert_int_equal(doctor_parse__limit("Max open filesystems  7  8\n", name, &soft, &hard),
			 -EINVAL);
	assert_int_equal(doctor_parse__limit("Max open files  -7  8\n", name, &soft, &hard),
			 -EINVAL);
	assert_int_equal(doctor_parse__limit("Max open files  9\n", name, &soft, &hard), -EINVAL);
	assert_int_equal(doctor_parse__limit("Max processes  9  9\n", name, &soft, &hard), -EINVAL);
	assert_int_equal(soft, 7);
}

static void words_of_a_shell(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"eth0", "eth0"}, {"eth0.7", "eth0.7"}, {"/run/a-b_c.sock", "/run/a-b_c.sock"},
		{"a b", "'a b'"}, {"$(x)", "'$(x)'"},	{"a'b", "'a'\\''b'"},
		{"-x", "'-x'"},	  {"", "''"},		{"a\\b", "'a\\b'"},
	};
	char buf[DOCTOR_WORD], longest[2 * DOCTOR_WORD];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(doctor__word(cases[i].text, buf), cases[i].word);
	memset(longest, '\'', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_true(strlen(doctor__word(longest, buf)) < DOCTOR_WORD);
	assert_int_equal(buf[strlen(buf) - 1], '\'');
	assert_true(strlen(buf) > DOCTOR_FIX);
}

static void kernels_of_distributions(void **state)
{
	(void)state;
	assert_string_equal(doctor_parse__image("ID=debian\n"), "linux-image-amd64");
	assert_string_equal(doctor_parse__image("ID=ubuntu\n"), "linux-image-generic");
	assert_null(doctor_parse__image("ID=fedora\n"));
	assert_null(doctor_parse__image("ID_LIKE=debian\n"));
}

static void a_report_is_sorted(void **state)
{
	static const enum doctor_level levels[] = {DOCTOR_OK,	   DOCTOR_ERROR, DOCTOR_NOTE,
						   DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_OK};
	static const char *const order[] = {"1", "4", "3", "2", "0", "5"};
	struct doctor_report r = {.check = "x"};
	char longest[DOCTOR_FIX + 1];

	(void)state;
	assert_int_equal(doctor_report__worst(&r), DOCTOR_OK);
	for (size_t i = 0; i < 6; i++)
		doctor_report__add(&r, levels[i], doctor_report__command(&r, "echo %zu", i), "%zu",
				   i);
	doctor_report__sort(&r);
	assert_int_equal(r.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(r.list[i].text, order[i]);
	assert_string_equal(r.list[5].fix, "echo 5");
	assert_string_equal(r.list[0].fix, "echo 1");
	doctor_report__ok(&r, "%s", "well");
	assert_int_equal(r.list[6].level, DOCTOR_OK);
	doctor_report__note(&r, "%s", "worth knowing");
	assert_int_equal(r.list[7].level, DOCTOR_NOTE);
	assert_string_equal(r.list[7].fix, "");
	assert_int_equal(doctor_report__worst(&r), DOCTOR_ERROR);
	assert_int_equal(doctor_report__count(&r, DOCTOR_ERROR), 2);
	assert_int_equal(doctor_report__count(&r, DOCTOR_NOTE), 2);
	/* Half a command could do something else. */
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(doctor_report__command(&r, "%s", longest), "");
	doctor_report__free(&r);
	assert_int_equal(r.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_of_a_device),    cmocka_unit_test(lists_of_cpus),
		cmocka_unit_test(capabilities_of_a_process), cmocka_unit_test(limits_of_a_process),
		cmocka_unit_test(words_of_a_shell),	     cmocka_unit_test(a_report_is_sorted),
		cmocka_unit_test(kernels_of_distributions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
