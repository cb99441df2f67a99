/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "lb.skel.h"

struct explain {
	struct lb_bpf *skel;
};

/* As user/plane/explain.c has it. */
static const char *const own[] = {"svc_stats", "be_stats", "verdicts", "notes",
				  "picked",    "steps",	   "explained"};

static bool is_own(const struct bpf_map *map)
{
	for (size_t i = 0; i < COUNT(own); i++) {
		if (strcmp(bpf_map__name(map), own[i]) == 0)
			return true;
	}
	return false;
}

static void share_maps(const struct rig *r, struct lb_bpf *skel)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *live =
			bpf_object__find_map_by_name(r->skel->obj, bpf_map__name(map));

		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		if (!is_own(map))
			assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(live)), 0);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
			assert_int_equal(bpf_map__set_max_entries(map, 1), 0);
	}
}

struct explain *explain__new(const struct rig *r)
{
	struct explain *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->skel = lb_bpf__open();
	assert_non_null(e->skel);
	rig__set_gates(r, e->skel);
	e->skel->rodata->gate_explain = e->skel->rodata->gate_told = 1;
	e->skel->rodata->gate_passive = 0;
	bpf_map__set_autocreate(e->skel->maps.passive, false);
	bpf_map__set_autocreate(e->skel->maps.passive_count, false);
	bpf_map__set_autocreate(e->skel->maps.probes, false);
	bpf_map__set_autocreate(e->skel->maps.probe_flows, false);
	bpf_program__set_autoload(e->skel->progs.probe_out, false);
	bpf_program__set_autoload(e->skel->progs.lease_arm, false);
	bpf_program__set_autoload(e->skel->progs.flow_sweep, false);
	bpf_program__set_autoload(e->skel->progs.nat_take, false);
	bpf_program__set_autoload(e->skel->progs.nat_sweep, false);
	share_maps(r, e->skel);
	if (lb_bpf__load(e->skel))
		fail_msg("cannot load lb.bpf.o with the gate `explain`");
	return e;
}

void explain__free(struct explain *e)
{
	if (!e)
		return;
	lb_bpf__destroy(e->skel);
	free(e);
}

static void try_run(const struct bpf_program *prog, const struct frame *in, uint32_t ingress,
		    struct run *out)
{
	assert_int_equal(rig__run_meta(bpf_program__fd(prog), in, ingress, 0, out), 0);
}

void explain__run(const struct explain *e, const struct frame *in, uint32_t ingress,
		  struct run *out, struct fl_explained *told)
{
	int fd = bpf_map__fd(e->skel->maps.explained);
	const struct fl_explained none = {0};
	static struct run steps;
	uint32_t zero = 0;

	try_run(e->skel->progs.lb, in, ingress, out);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &none, BPF_ANY), 0);
	try_run(e->skel->progs.lb_fast, in, ingress, &steps);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, told), 0);
	assert_true(told->told);
	assert_int_equal(told->notes >> FL_NOTES, 0);
	explain__compare(out, &steps);
}

/* What a DROP leaves behind nobody looks at. */
void explain__compare(const struct run *said, const struct run *done)
{
	if (said->action != done->action)
		fail_msg("explained as action %u, and it was %u", said->action, done->action);
	if (said->action == XDP_DROP)
		return;
	assert_int_equal(said->out.len, done->out.len);
	assert_memory_equal(said->out.b, done->out.b, said->out.len);
}

/* --- what is in the maps ---------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * 0x100000001b3ULL; /* as FNV-1a */
	return hash;
}

/* All of an array: with a call for each of its elements, it would take seconds. */
static uint64_t digest_of_array(const struct bpf_map *map, size_t size)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t n = bpf_map__max_entries(map), out, *keys = malloc(n * sizeof(*keys));
	uint8_t *values = malloc(n * size);
	uint64_t sum;

	assert_non_null(keys);
	assert_non_null(values);
	assert_int_equal(
		bpf_map_lookup_batch(bpf_map__fd(map), NULL, &out, keys, values, &n, &opts), 0);
	sum = mix(n, values, n * size);
	free(keys);
	free(values);
	return sum;
}

/* Of all elements of a hash or trie, in whatever order. */
static uint64_t digest_of_hash(const struct bpf_map *map, size_t size)
{
	uint8_t key[64], last[64], value[256];
	size_t key_size = bpf_map__key_size(map);
	int fd = bpf_map__fd(map), rc = bpf_map_get_next_key(fd, NULL, key);
	uint64_t sum = 0;

	assert_in_range(key_size, 1, sizeof(key));
	assert_in_range(size, 1, sizeof(value));
	while (!rc) {
		assert_int_equal(bpf_map_lookup_elem(fd, key, value), 0);
		sum += mix(mix(1, key, key_size), value, size);
		memcpy(last, key, key_size);
		rc = bpf_map_get_next_key(fd, last, key);
	}
	return sum;
}

/* How far a ring buffer was written: its second page begins with it. */
static uint64_t written(const struct bpf_map *map)
{
	const uint64_t *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bpf_map__fd(map), 4096);
	uint64_t n;

	assert_ptr_not_equal(at, MAP_FAILED);
	n = *at;
	munmap((void *)(uintptr_t)at, 4096);
	return n;
}

static uint64_t digest_of(const struct rig *r, const struct bpf_map *map)
{
	size_t size = bpf_map__value_size(map);

	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_ARRAY:
		return digest_of_array(map, size);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return digest_of_array(map, ((size + 7) & ~7UL) * (size_t)r->cpus);
	case BPF_MAP_TYPE_RINGBUF:
		return written(map);
	default:
		return digest_of_hash(map, size);
	}
}

uint64_t explain__digest(const struct rig *r)
{
	struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map(map, r->skel->obj)
	{
		enum bpf_map_type type = bpf_map__type(map);
		uint64_t name = mix(1, bpf_map__name(map), strlen(bpf_map__name(map))) | 1;

		/* What only the agent writes: the kernel lets no program do it. */
		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map) ||
		    type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_PROG_ARRAY ||
		    type == BPF_MAP_TYPE_DEVMAP_HASH)
			continue;
		sum += name * digest_of(r, map);
	}
	return sum;
}
