/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain.c - what would become of a packet: the programs, loaded a second time with the gate `explain`.
 *
 * All maps are the live ones, by their pins, but for those in own[]. The gate takes out of the code
 * whatever writes to the others, so nothing that is asked changes what a packet meets.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXPLAINED_SIZE 4096 /* whole pages, as the kernel maps an array */

struct plane_explain {
	struct lb_bpf *skel;
	struct fl_explained *told; /* `explained`, shared with the program */
};

/* Counters are written without a gate: of these maps the programs have their own, of one entry. */
static const char *const own[] = {"svc_stats", "be_stats", "verdicts", "notes",
				  "picked",    "steps",	   "explained"};

static bool is_own(const struct bpf_map *map)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (strcmp(bpf_map__name(map), own[i]) == 0)
			return true;
	}
	return false;
}

static int set_maps(const struct plane *p, struct lb_bpf *skel, struct err *err)
{
	struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		if (!is_own(map))
			rc = plane_program__share_map(p, map, err);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY)
			rc = bpf_map__set_max_entries(map, 1);
		if (rc)
			return rc;
	}
	return 0;
}

struct plane_gates plane__gates(const struct plane *p)
{
	return p->gates;
}

bool plane__gates_are(const struct plane *p, const struct plane_gates *gates)
{
	return memcmp(&p->gates, gates, sizeof(*gates)) == 0;
}

void plane__explain_free(struct plane_explain *e)
{
	if (!e)
		return;
	if (e->told)
		munmap(e->told, EXPLAINED_SIZE);
	lb_bpf__destroy(e->skel);
	free(e);
}

int plane__explain_load(const struct plane *p, struct plane_gates gates, struct plane_explain **out,
			struct err *err)
{
	struct plane_explain *e = calloc(1, sizeof(*e));
	void *told = NULL;
	int rc;

	if (!e)
		return err__set(err, -ENOMEM, "out of memory");
	plane_program__forget_warning();
	e->skel = lb_bpf__open();
	if (!e->skel) {
		rc = err__set(err, -errno, "cannot open the built-in BPF object: %s",
			      strerror(errno));
		goto cleanup;
	}
	/* Neither has a say in what becomes of a packet. */
	gates.passive = gates.path = false;
	gates.explain = true;
	plane_program__set_gates(p, &gates, e->skel);
	bpf_program__set_autoload(e->skel->progs.lease_arm, false);
	bpf_program__set_autoload(e->skel->progs.flow_sweep, false);
	bpf_program__set_autoload(e->skel->progs.nat_take, false);
	bpf_program__set_autoload(e->skel->progs.nat_sweep, false);
	rc = set_maps(p, e->skel, err);
	if (rc)
		goto cleanup;
	rc = lb_bpf__load(e->skel);
	if (rc) {
		err__set(err, rc, "cannot load the programs that explain: %s (libbpf says: %s)",
			 strerror(-rc), plane_program__warning());
		goto cleanup;
	}
	rc = plane_open__share(e->skel->maps.explained, EXPLAINED_SIZE, &told, err);
	if (rc)
		goto cleanup;
	e->told = told;
	*out = e;
	return 0;
cleanup:
	plane__explain_free(e);
	return rc;
}

static int run(const struct bpf_program *prog, uint32_t ifindex, const uint8_t *frame, uint32_t len,
	       struct plane_explained *out, struct err *err)
{
	struct xdp_md ctx = {.data_end = len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .data_out = out->frame, .data_size_out = sizeof(out->frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return err__set(
			err, -errno,
			"the kernel does not run the program on a frame of %u bytes from the "
			"interface with index %u: %s",
			len, ifindex, strerror(errno));
	out->action = opts.retval;
	out->len = opts.data_size_out;
	return 0;
}

/*
 * First as a packet goes, from lb on. The straight way tells nothing, which would cost every packet; so once
 * more by the steps, which must do the same and say why.
 */
int plane__explain(struct plane_explain *e, uint32_t ifindex, const uint8_t *frame, uint32_t len,
		   struct plane_explained *out, struct err *err)
{
	static struct plane_explained straight;
	int rc;

	rc = run(e->skel->progs.lb, ifindex, frame, len, &straight, err);
	memset(e->told, 0, sizeof(*e->told));
	if (!rc)
		rc = run(e->skel->progs.lb_fast, ifindex, frame, len, out, err);
	if (rc)
		return rc;
	out->told = *e->told;
	if (!out->told.told || straight.action != out->action || straight.len != out->len ||
	    memcmp(straight.frame, out->frame, out->len) != 0)
		return err__set(
			err, -EBADMSG,
			"the programs `lb` and `lb_fast` do not agree about this packet (%u and "
			"%u, %u and %u bytes): please report it",
			straight.action, out->action, straight.len, out->len);
	return 0;
}

bool plane__flow(const struct plane *p, const struct fl_flow_key *k, struct fl_flow *out)
{
	return !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.flows), k, out);
}

bool plane__tentative(const struct plane *p, const struct fl_flow_key *k, struct fl_tentative *out)
{
	return !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.tentative), k, out);
}

bool plane__nat_flow(const struct plane *p, const struct fl_nat_key *k, struct fl_nat_flow *out)
{
	return p->gates.nat && !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.nat_flows), k, out);
}
