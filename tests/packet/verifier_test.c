/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verifier's work on every program of build/bpf, against the budgets of verifier.def; a program
 * without one fails. The figures are printed, since they differ from kernel to kernel.
 */
#include "check.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct budget {
	const char *object, *program;
	uint32_t instructions;
} budgets[] = {
#define BUDGET(object, program, instructions) {object, program, instructions},
#include "verifier.def"
#undef BUDGET
};

static uint32_t budget_of(const char *object, const char *program)
{
	for (size_t i = 0; i < COUNT(budgets); i++) {
		if (strcmp(budgets[i].object, object) == 0 &&
		    strcmp(budgets[i].program, program) == 0)
			return budgets[i].instructions;
	}
	fail_msg("%s: program %s has no budget in verifier.def", object, program);
	return 0;
}

enum gates { OFF, ON, EXPLAINING };

static const char *const names[] = {[OFF] = "off", [ON] = "on", [EXPLAINING] = "explain"};

/* Sets every `gate_*` byte of the object's read-only data; that of explaining closes the rest of some code. */
static void set_gates(struct bpf_object *obj, enum gates gates)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *rodata = bpf_object__find_map_by_name(obj, ".rodata");
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section;
	uint8_t data[4096];
	const void *initial;
	size_t size;

	if (!rodata || id < 0)
		return;
	section = btf__type_by_id(btf, (uint32_t)id);
	initial = bpf_map__initial_value(rodata, &size);
	assert_in_range(size, 1, sizeof(data));
	memcpy(data, initial, size);
	for (uint16_t i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *at = btf_var_secinfos(section) + i;
		const struct btf_type *var = btf__type_by_id(btf, at->type);

		const char *name = btf__name_by_offset(btf, var->name_off);

		if (strcmp(name, "gate_explain") == 0)
			data[at->offset] = gates == EXPLAINING;
		else if (strncmp(name, "gate_", 5) == 0)
			data[at->offset] = gates != OFF;
	}
	assert_int_equal(bpf_map__set_initial_value(rodata, data, size), 0);
}

static uint32_t verified(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
	assert_int_not_equal(info.verified_insns, 0);
	return info.verified_insns;
}

static bool check_object(const char *path, const char *object, enum gates gates)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *prog;
	bool within = true;

	assert_non_null(obj);
	set_gates(obj, gates);
	if (bpf_object__load(obj))
		fail_msg("%s does not load", path);
	bpf_object__for_each_program(prog, obj)
	{
		const char *name = bpf_program__name(prog);
		uint32_t budget = budget_of(object, name), got = verified(prog);

		printf("note: %-12s %-16s gates %-7s %7u of %7u instructions\n", object, name,
		       names[gates], got, budget);
		within = within && got <= budget;
	}
	bpf_object__close(obj);
	return within;
}

static void check_all(enum gates gates)
{
	const char *build = getenv("FL_BUILD");
	bool within = true;
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/bpf/*.bpf.o", build ? build : "build");
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char object[64];

		snprintf(object, sizeof(object), "%s", strrchr(found.gl_pathv[i], '/') + 1);
		object[strcspn(object, ".")] = '\0';
		within &= check_object(found.gl_pathv[i], object, gates);
	}
	globfree(&found);
	if (!within)
		fail_msg("a program is over its budget in tests/packet/verifier.def");
}

static void test_gates_off(void **state)
{
	(void)state;
	check_all(OFF);
}

static void test_gates_on(void **state)
{
	(void)state;
	check_all(ON);
}

static void test_explaining(void **state)
{
	(void)state;
	check_all(EXPLAINING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gates_off),
		cmocka_unit_test(test_gates_on),
		cmocka_unit_test(test_explaining),
	};

	return check__table("packet_verifier", NULL, 0, tests, COUNT(tests));
}
