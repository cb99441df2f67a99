/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_flows.c - the map `nat_flows` kept clear of what has had its time.
 *
 * Packets make entries, and take one over when they find it finished; the rest is swept here, on a
 * worker. What a pass shows is some milliseconds old, and another connection may have the place by then: so
 * an entry that seems over is deleted by the program (`nat_sweep`), if it still is what was judged.
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "plane/nat_fate.h"

/* A sweep, and what it goes by. */
struct nat_pass {
	const struct plane *plane;
	struct plane_nat_sweep *sweep;
	struct fl_nat_sweep past; /* what the program is told next */
};

static int keep(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return copy < 0 ? -errno : copy;
}

int plane_nat__keep(struct plane *p, struct err *err)
{
	if (!p->gates.nat)
		return 0;
	if (p->nat_fd < 0)
		p->nat_fd = keep(bpf_map__fd(p->skel->maps.nat_flows));
	if (p->nat_fd < 0)
		return err__set(err, p->nat_fd, "cannot keep the map 'nat_flows': %s",
				strerror(-p->nat_fd));
	if (p->nat_sweep_fd < 0)
		p->nat_sweep_fd = keep(bpf_program__fd(p->skel->progs.nat_sweep));
	if (p->nat_sweep_fd < 0)
		return err__set(err, p->nat_sweep_fd, "cannot keep the program 'nat_sweep': %s",
				strerror(-p->nat_sweep_fd));
	if (p->gates.peers && p->nat_take_fd < 0)
		p->nat_take_fd = keep(bpf_program__fd(p->skel->progs.nat_take));
	return p->gates.peers && p->nat_take_fd < 0
		       ? err__set(err, p->nat_take_fd, "cannot keep the program 'nat_take': %s",
				  strerror(-p->nat_take_fd))
		       : 0;
}

static uint32_t idle_of(const struct plane *p, const struct fl_nat_flow *f)
{
	const struct fl_service *s = plane__service(p, f->service);

	return s && s->idle_s ? s->idle_s : NAT_IDLE_S;
}

/* A replies' entry without a client's: by design where the backend is reached by `nat`. */
static enum nat_kind kind_alone(const struct plane *p, const struct fl_nat_flow *f)
{
	const struct fl_backend *b = plane__backend(p, f->backend);

	return b && b->mode == FL_FWD_NAT ? NAT_LONE : NAT_ORPHAN;
}

static bool same_key(const struct fl_nat_key *a, const struct fl_nat_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The other entry of the pair; false: there is none that belongs to this one. */
static bool partner(int fd, const struct fl_nat_key *k, const struct fl_nat_flow *f,
		    struct fl_nat_flow *out)
{
	struct fl_nat_key other = nat_fate__other(f, k->proto), mine;

	if (bpf_map_lookup_elem(fd, &other, out))
		return false;
	mine = nat_fate__other(out, k->proto);
	return (out->flags ^ f->flags) & FL_NAT_BACK && same_key(&mine, k);
}

/* Whether the entry goes, and with it, of a pair, the replies' (`paired`, which is *other). */
static bool judge(const struct nat_pass *pass, const struct fl_nat_key *k,
		  const struct fl_nat_flow *f, uint32_t now_s, bool paired,
		  const struct fl_nat_flow *other)
{
	const struct plane *p = pass->plane;
	struct fate_loss loss = {0};
	enum nat_kind kind = NAT_PAIR;

	/* Of a pair, the client's entry is what is judged. */
	if (f->flags & FL_NAT_BACK && paired)
		return false;
	if (f->flags & FL_NAT_BACK)
		kind = kind_alone(p, f);
	if (f->backend < FL_MAX_BACKENDS)
		loss = pass->sweep->losses[f->backend];
	return nat_fate__over(kind, f, paired ? other : NULL, k->proto, now_s, idle_of(p, f),
			      &loss);
}

/* Runs the program on what has gathered. */
static int tell(struct nat_pass *pass)
{
	struct fl_nat_sweep *s = &pass->past;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s, .data_size_in = sizeof(*s),
		    .data_out = s, .data_size_out = sizeof(*s), .repeat = 1);

	if (!s->n)
		return 0;
	s->deleted = 0;
	if (bpf_prog_test_run_opts(pass->plane->nat_sweep_fd, &opts))
		return -errno;
	pass->sweep->deleted += s->deleted;
	s->n = 0;
	return 0;
}

static int add(struct nat_pass *pass, const struct fl_nat_key *k, const struct fl_nat_flow *f,
	       const struct fl_nat_flow *back)
{
	struct fl_nat_past *past = &pass->past.past[pass->past.n++];

	*past = (struct fl_nat_past){.key = *k, .flow = *f};
	if (back) {
		past->paired = 1;
		past->back_seen_s = back->seen_s;
		past->back_flags = back->flags;
	}
	return pass->past.n == FL_NAT_SWEEP_KEYS ? tell(pass) : 0;
}

static int look(void *ctx, const void *key, const void *value, uint32_t now_s)
{
	struct nat_pass *pass = ctx;
	struct plane_nat_sweep *s = pass->sweep;
	const struct fl_nat_flow *f = value;
	struct fl_nat_flow other;
	bool paired = partner(pass->plane->nat_fd, key, f, &other);
	int rc = 0;

	if (judge(pass, key, f, now_s, paired, &other))
		rc = add(pass, key, f, paired ? &other : NULL);
	if (rc)
		return rc;
	if (f->backend < FL_MAX_BACKENDS)
		s->census.by_index[f->backend]++;
	/* A flow is counted by its client's entry, or the one that stands alone. */
	if (f->flags & FL_NAT_BACK && paired)
		return 0;
	s->census.total++;
	return tally__add(&s->census.flows, f->service, f->backend);
}

int plane__nat_sweep(struct plane *p, struct plane_nat_sweep *s, uint32_t period_s, struct err *err)
{
	struct nat_pass pass = {.plane = p, .sweep = s};
	int rc;

	s->pass.key = sizeof(struct fl_nat_key);
	s->pass.value = sizeof(struct fl_nat_flow);
	rc = plane_pass__slice(p->nat_fd, &s->pass, period_s, look, &pass, &s->ended);
	if (!rc)
		rc = tell(&pass);
	return rc ? err__set(err, rc, "cannot sweep the map 'nat_flows': %s", strerror(-rc)) : 0;
}

/* --- flows and peers -------------------------------------------------------------------------------- */

int plane__nat_take(struct plane *p, struct fl_nat_take *t)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = t, .data_size_in = sizeof(*t),
		    .data_out = t, .data_size_out = sizeof(*t), .repeat = 1);

	if (p->nat_take_fd < 0)
		return -EOPNOTSUPP;
	if (bpf_prog_test_run_opts(p->nat_take_fd, &opts))
		return -errno;
	return opts.retval == XDP_PASS ? 0 : -EINVAL;
}

struct told_pass {
	const struct plane *plane;
	plane_nat_record_cb *each;
	void *ctx;
};

static int show(void *ctx, const void *key, const void *value, uint32_t now_s)
{
	const struct told_pass *pass = ctx;
	const struct plane *p = pass->plane;
	struct fl_told_nat t;
	struct fl_nat_flow other;
	bool paired;

	memcpy(&t.key, key, sizeof(t.key));
	memcpy(&t.flow, value, sizeof(t.flow));
	if (t.flow.flags & FL_NAT_DEAD)
		return 0;
	paired = partner(p->nat_fd, &t.key, &t.flow, &other);
	if (paired && !(t.flow.flags & FL_NAT_BACK))
		t.flow = nat_fate__both(&t.flow, &other);
	else if (paired || !(t.flow.flags & FL_NAT_BACK) || kind_alone(p, &t.flow) != NAT_LONE)
		return 0;
	pass->each(pass->ctx, &t, now_s);
	return 0;
}

int plane__nat_records(struct plane *p, struct plane_pass *pass, uint32_t period_s,
		       plane_nat_record_cb *each, void *ctx, bool *ended, struct err *err)
{
	struct told_pass told = {p, each, ctx};
	int rc;

	*ended = true;
	if (p->nat_fd < 0)
		return 0;
	pass->key = sizeof(struct fl_nat_key);
	pass->value = sizeof(struct fl_nat_flow);
	rc = plane_pass__slice(p->nat_fd, pass, period_s, show, &told, ended);
	return rc ? err__set(err, rc, "cannot read the map 'nat_flows': %s", strerror(-rc)) : 0;
}
