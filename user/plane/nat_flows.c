/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_flows.c - the map `nat_flows` kept clear of what has had its time.
 *
 * Packets make entries, and take one over when they find it finished; the rest is swept here, on a
 * worker, in slices of bounded time. What a batch shows is some milliseconds old when it is judged, so
 * an entry that seems over is looked up and judged once more just before it goes. The client's entry
 * goes first: as long as that of the replies stands, no other flow gets the same source (record.h).
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plane/nat_fate.h"

#define BATCH 4096 /* entries a call; the kernel wants room for all of a bucket */
#define LEAST_SLICE 16384 /* entries, so that a small map is one slice */
#define SLICE_NS 50000000ULL /* time after which a slice ends, whatever is left */

struct batch {
	struct fl_nat_key keys[BATCH];
	struct fl_nat_flow flows[BATCH];
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int plane_nat__keep(struct plane *p, struct err *err)
{
	if (!p->gates.nat || p->nat_fd >= 0)
		return 0;
	p->nat_fd = fcntl(bpf_map__fd(p->skel->maps.nat_flows), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return p->nat_fd < 0 ? err__set(err, -errno, "cannot keep the map 'nat_flows': %s",
					strerror(errno))
			     : 0;
}

/*
 * The next entries behind the cursor (*first: from the start). 0, -ENOENT with the last of them, or
 * another errno.
 */
static int next_batch(int fd, uint32_t *cursor, bool first, struct batch *b, uint32_t *count)
{
	*count = BATCH;
	return bpf_map_lookup_batch(fd, first ? NULL : cursor, cursor, b->keys, b->flows, count,
				    NULL);
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

/* Whether the entry goes, and with it, of a pair, the replies' (*paired). */
static bool judge(const struct plane *p, int fd, const struct fl_nat_key *k,
		  const struct fl_nat_flow *f, uint32_t now_s, bool *paired)
{
	struct fl_nat_flow other;

	*paired = partner(fd, k, f, &other);
	if (f->flags & FL_NAT_BACK)
		/* Of a pair, the client's entry is what is judged. */
		return !*paired &&
		       nat_fate__over(kind_alone(p, f), f, NULL, k->proto, now_s, idle_of(p, f));
	return nat_fate__over(NAT_PAIR, f, *paired ? &other : NULL, k->proto, now_s, idle_of(p, f));
}

/* Deletes the record of an entry if it is over. Number of entries deleted. */
static uint32_t sweep_entry(const struct plane *p, int fd, const struct fl_nat_key *k,
			    const struct fl_nat_flow *f, uint32_t now_s)
{
	struct fl_nat_key back;
	struct fl_nat_flow now;
	bool paired;

	if (!judge(p, fd, k, f, now_s, &paired))
		return 0;
	if (bpf_map_lookup_elem(fd, k, &now) || !judge(p, fd, k, &now, now_s, &paired) ||
	    bpf_map_delete_elem(fd, k))
		return 0;
	if (!paired)
		return 1;
	back = nat_fate__other(&now, k->proto);
	return bpf_map_delete_elem(fd, &back) ? 1 : 2;
}

static void end_pass(struct plane_nat_sweep *s, uint32_t period_s)
{
	s->flows = s->pass_flows;
	s->slice = s->pass_entries / (period_s ? period_s : 1) + 1;
	if (s->slice < LEAST_SLICE)
		s->slice = LEAST_SLICE;
	s->pass_flows = s->pass_entries = 0;
	s->midway = false;
}

int plane__nat_sweep(struct plane *p, struct plane_nat_sweep *s, uint32_t period_s, struct err *err)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC), done = 0;
	struct batch *b = malloc(sizeof(*b));
	int rc = b ? 0 : -ENOMEM;

	while (!rc && (!s->slice || done < s->slice) &&
	       clock_ns(CLOCK_MONOTONIC) - began < SLICE_NS) {
		uint32_t now_s = (uint32_t)(clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000000), count;
		struct fl_nat_flow ignored;

		rc = next_batch(p->nat_fd, &s->cursor, !s->midway, b, &count);
		if (rc && rc != -ENOENT)
			break;
		s->midway = true;
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_nat_flow *f = &b->flows[i];

			s->deleted += sweep_entry(p, p->nat_fd, &b->keys[i], f, now_s);
			/* A flow is counted by its client's entry, or the one that stands alone. */
			s->pass_flows += !(f->flags & FL_NAT_BACK) ||
					 !partner(p->nat_fd, &b->keys[i], f, &ignored);
		}
		done += count;
		s->pass_entries += count;
	}
	free(b);
	if (rc == -ENOENT) {
		end_pass(s, period_s);
		rc = 0;
	}
	return rc ? err__set(err, rc, "cannot sweep the map 'nat_flows': %s", strerror(-rc)) : 0;
}

/* Deletes all entries of one direction that name one of the backends. */
static int purge_way(const struct plane *p, const uint8_t *gone, uint16_t way, struct batch *b)
{
	uint32_t cursor = 0, count;
	bool first = true;
	int rc = 0;

	while (!rc) {
		rc = next_batch(p->nat_fd, &cursor, first, b, &count);
		first = false;
		if (rc && rc != -ENOENT)
			return rc;
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_nat_flow *f = &b->flows[i];

			if ((f->flags & FL_NAT_BACK) == way && f->backend < FL_MAX_BACKENDS &&
			    gone[f->backend])
				bpf_map_delete_elem(p->nat_fd, &b->keys[i]);
		}
	}
	return 0;
}

int plane__nat_purge(struct plane *p, const uint32_t *indices, size_t n, struct err *err)
{
	uint8_t *gone = calloc(FL_MAX_BACKENDS, sizeof(*gone));
	struct batch *b = malloc(sizeof(*b));
	int rc = gone && b ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		gone[indices[i]] = 1;
	if (!rc && p->nat_fd >= 0) {
		rc = purge_way(p, gone, 0, b);
		rc = rc ? rc : purge_way(p, gone, FL_NAT_BACK, b);
	}
	free(gone);
	free(b);
	return rc ? err__set(err, rc, "cannot clear the map 'nat_flows' of backends that go: %s",
			     strerror(-rc))
		  : 0;
}
