/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open.c - the plane's life: opened or adopted, configured, closed, rolled back, removed. */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const subdirs[] = {PLANE_SLOTS, PLANE_MOVES, PLANE_SEATS, PLANE_LINKS,
				      PLANE_DISPATCHED};

int plane_open__share(const struct bpf_map *map, size_t size, void **out, struct err *err)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED)
		return err__set(err, -errno, "cannot map '%s' into memory: %s", bpf_map__name(map),
				strerror(errno));
	*out = at;
	return 0;
}

static int map_arrays(struct plane *p, struct err *err)
{
	void *at = NULL;
	int rc;

	rc = plane_open__share(p->skel->maps.services, sizeof(struct fl_service) * FL_MAX_SERVICES,
			       &at, err);
	if (rc)
		return rc;
	p->services = at;
	rc = plane_open__share(p->skel->maps.svc_index, sizeof(struct fl_bucket) * FL_INDEX_BUCKETS,
			       &at, err);
	if (rc)
		return rc;
	p->index = at;
	rc = plane_open__share(p->skel->maps.backends, sizeof(struct fl_backend) * FL_MAX_BACKENDS,
			       &at, err);
	if (rc)
		return rc;
	p->backends = at;
	rc = plane_open__share(p->skel->maps.ours, sizeof(struct fl_ours), &at, err);
	if (rc)
		return rc;
	p->ours = at;
	plane_ours__init(p);
	return 0;
}

/* The key that an earlier agent left in the pinned settings; all zero: there is none. */
static int read_pinned_key(const struct plane *p, __u64 *key, struct err *err)
{
	char path[PLANE_PATH_LEN];
	struct fl_settings s = {0};
	__u32 zero = 0;
	int fd, rc = 0;

	plane_pins__path(path, sizeof(path), p->instance, NULL, "settings");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err__set(err, -errno, "cannot open the pinned map %s: %s",
						  path, strerror(errno));
	if (bpf_map_lookup_elem(fd, &zero, &s))
		rc = err__set(err, -errno, "cannot read map 'settings': %s", strerror(errno));
	memcpy(key, s.flow_key, sizeof(s.flow_key));
	close(fd);
	return rc;
}

/*
 * The key decides every flow's slot: what is pinned stays, whatever the file says, as long as the
 * maps live; a random one is made for a first start without one.
 */
static int choose_key(struct plane *p, const struct plane_options *o, struct err *err)
{
	static const __u64 unset[4];
	int rc = read_pinned_key(p, p->flow_key, err);

	if (rc)
		return rc;
	if (memcmp(p->flow_key, unset, sizeof(unset)) != 0)
		return 0;
	if (o->has_flow_key)
		memcpy(p->flow_key, o->flow_key, sizeof(p->flow_key));
	else if (getrandom(p->flow_key, sizeof(p->flow_key), 0) != sizeof(p->flow_key))
		return err__set(err, -errno, "cannot get a random flow key: %s", strerror(errno));
	return 0;
}

static int write_settings(struct plane *p, const struct plane_options *o, struct err *err)
{
	struct fl_settings s = {
		.lease_ns = (__u64)o->lease_ms * 1000000,
		.on_agent_loss = o->on_agent_loss,
		.flow_event_every = o->flow_event_every,
		.drop_event_every = o->drop_event_every,
	};
	__u32 zero = 0;
	int fd = bpf_map__fd(p->skel->maps.settings);

	if (o->has_flow_key && memcmp(p->flow_key, o->flow_key, sizeof(p->flow_key)) != 0)
		return err__set(
			err, -EINVAL,
			"flow_key differs from the one in use: every flow would move to another "
			"backend; to change it, stop fairleadd, run `fairleadd --detach -c FILE` and "
			"start it again");
	memcpy(s.flow_key, p->flow_key, sizeof(s.flow_key));
	if (bpf_map_update_elem(fd, &zero, &s, BPF_ANY))
		return err__set(err, -errno, "cannot write map 'settings': %s", strerror(errno));
	return 0;
}

/* An inner map of the smallest class: putting it into the unused key 0 waits for a grace period. */
static int make_grace_map(struct plane *p, struct err *err)
{
	p->grace_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace", sizeof(__u32),
				     FL_SLOTS_4K_N * sizeof(__u16), 1, NULL);
	if (p->grace_fd < 0)
		return err__set(err, p->grace_fd, "cannot make the map 'grace': %s",
				strerror(-p->grace_fd));
	/* The worker may wait on it while plane__configure() replaces the skeleton. */
	p->grace_outer_fd =
		fcntl(bpf_map__fd(p->skel->maps.slots_4k), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (p->grace_outer_fd < 0)
		return err__set(err, -errno, "cannot keep the map 'slots_4k': %s", strerror(errno));
	return 0;
}

int plane__grace(struct plane *p, struct err *err)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(p->grace_outer_fd, &zero, &p->grace_fd, BPF_ANY))
		return err__set(err, -errno, "cannot wait for a grace period of the kernel: %s",
				strerror(errno));
	return 0;
}

static int adopt_slots(struct plane *p, struct err *err)
{
	for (uint32_t id = 1; id < FL_MAX_SERVICES; id++) {
		const struct fl_service *s = plane__service(p, id);
		int rc;

		if (!s)
			continue;
		rc = plane_slots__adopt(p, id, (enum fl_slot_class)s->slot_class, err);
		if (!rc)
			rc = plane_moves__adopt(p, id, (enum fl_slot_class)s->slot_class, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int open_tables(struct plane *p, struct err *err)
{
	int rc;

	p->vips = (struct plane_table){
		.name = "vips",
		.fd = bpf_map__fd(p->skel->maps.vips),
		.key = sizeof(struct fl_vip_key),
		.value = sizeof(struct fl_vip),
		.max = FL_MAX_VIPS,
	};
	p->nat_back = (struct plane_table){
		.name = "nat_back",
		.fd = bpf_map__fd(p->skel->maps.nat_back),
		.key = sizeof(struct fl_endpoint),
		.value = sizeof(struct fl_nat_back),
		.max = FL_MAX_NAT_BACK,
	};
	rc = plane_table__read(&p->vips, err);
	return rc ? rc : plane_table__read(&p->nat_back, err);
}

/* Somebody may have removed the folder that was locked: then the one that took its place is. */
static int lock_again(struct plane *p, struct err *err)
{
	struct stat mine;
	bool made;
	int fd, rc;

	if (fstat(p->lock_fd, &mine) || mine.st_nlink)
		return 0;
	rc = plane_pins__lock(p->instance, &fd, &made, err);
	if (rc)
		return rc;
	close(p->lock_fd);
	p->lock_fd = fd;
	return 0;
}

int plane_open__folders(struct plane *p, struct err *err)
{
	char path[PLANE_PATH_LEN];
	bool made;
	int rc;

	rc = lock_again(p, err);
	if (!rc)
		rc = plane_pins__mkdir(p->dir, &made, err);
	for (size_t i = 0; !rc && i < sizeof(subdirs) / sizeof(*subdirs); i++) {
		plane_pins__path(path, sizeof(path), p->instance, subdirs[i], NULL);
		rc = plane_pins__mkdir(path, &made, err);
	}
	return rc;
}

static int open_folders(struct plane *p, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int rc = plane_pins__path(p->dir, sizeof(p->dir), p->instance, NULL, NULL);

	if (rc)
		return err__set(err, rc, "the instance name '%s' is too long", p->instance);
	rc = plane_open__folders(p, err);
	if (rc)
		return rc;
	plane_pins__path(path, sizeof(path), p->instance, NULL, "services");
	p->adopted = access(path, F_OK) == 0;
	return 0;
}

/* Removes maps, what is left of links, and folders. */
static int remove_pins(const char *instance)
{
	char path[PLANE_PATH_LEN];
	int rc = 0, one;

	for (size_t i = 0; i < sizeof(subdirs) / sizeof(*subdirs); i++) {
		plane_pins__path(path, sizeof(path), instance, subdirs[i], NULL);
		one = plane_pins__remove_dir(path);
		rc = rc ? rc : one;
	}
	plane_pins__path(path, sizeof(path), instance, NULL, NULL);
	one = plane_pins__remove_dir(path);
	rc = rc ? rc : one;
	*strrchr(path, '/') = '\0';
	/* Both may be in use by others: another ABI's version, another instance. */
	rmdir(path);
	rmdir(PLANE_ROOT);
	return rc;
}

int plane__open(const struct plane_options *o, struct plane **out, struct err *err)
{
	struct plane *p = calloc(1, sizeof(*p));
	bool made;
	int rc;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->lock_fd = p->arm_fd = p->grace_fd = p->grace_outer_fd = p->nat_fd = -1;
	p->flows_fd = p->sweep_fd = p->take_fd = p->nat_take_fd = p->nat_sweep_fd = -1;
	memset(p->moves_fd, 0xff, sizeof(p->moves_fd));
	p->service_hint = p->backend_hint = 1;
	snprintf(p->instance, sizeof(p->instance), "%s", o->instance);
	p->slot_fds = malloc(FL_MAX_SERVICES * sizeof(*p->slot_fds));
	p->moves = calloc(FL_MAX_SERVICES, sizeof(*p->moves));
	if (p->slot_fds)
		memset(p->slot_fds, 0xff, FL_MAX_SERVICES * sizeof(*p->slot_fds));
	if (!p->slot_fds || !p->moves) {
		rc = err__set(err, -ENOMEM, "out of memory");
		goto cleanup;
	}
	rc = plane_preflight__check(err);
	if (!rc)
		rc = plane_pins__lock(p->instance, &p->lock_fd, &made, err);
	if (rc)
		goto cleanup;
	rc = open_folders(p, err);
	if (rc)
		goto cleanup;
	rc = choose_key(p, o, err);
	if (rc)
		goto cleanup;
	p->gates = o->gates;
	rc = plane_program__load(p, &p->gates, &p->skel, err);
	if (!rc)
		rc = map_arrays(p, err);
	if (!rc)
		rc = write_settings(p, o, err);
	if (!rc)
		rc = make_grace_map(p, err);
	if (!rc)
		rc = plane_nat__keep(p, err);
	if (!rc)
		rc = plane_passive__keep(p, err);
	if (!rc)
		rc = plane_moves__open(p, err);
	if (!rc) {
		plane_leftovers__sweep(p);
		rc = adopt_slots(p, err);
	}
	if (!rc)
		rc = open_tables(p, err);
	if (rc)
		goto cleanup;
	p->arm_fd = fcntl(bpf_program__fd(p->skel->progs.lease_arm), F_DUPFD_CLOEXEC,
			  STDERR_FILENO + 1);
	if (p->arm_fd < 0) {
		rc = err__set(err, -errno, "cannot keep the lease's program: %s", strerror(errno));
		goto cleanup;
	}
	*out = p;
	return 0;
cleanup:
	plane__rollback(p);
	plane__close(p);
	return rc;
}

const uint64_t *plane__flow_key(const struct plane *p)
{
	_Static_assert(sizeof(p->flow_key[0]) == sizeof(uint64_t), "the same words");
	return (const uint64_t *)p->flow_key;
}

bool plane__adopted(const struct plane *p)
{
	return p->adopted;
}

static void detach_all(struct plane *p)
{
	char(*names)[16] = NULL;
	size_t n = 0;

	if (plane__attached(p, &names, &n))
		return;
	for (size_t i = 0; i < n; i++)
		plane__detach(p, names[i]);
	free(names);
}

void plane__rollback(struct plane *p)
{
	if (p->lock_fd < 0 || p->adopted)
		return;
	detach_all(p);
	remove_pins(p->instance);
}

int plane__configure(struct plane *p, const struct plane_options *o, struct err *err)
{
	struct lb_bpf *old = p->skel, *copying, *skel;
	struct err first, again;
	int rc;

	rc = write_settings(p, o, err);
	if (rc || memcmp(&o->gates, &p->gates, sizeof(p->gates)) == 0)
		return rc;
	/* Else it would be loaded with maps of its own, which are empty. */
	rc = plane__keep(p, err);
	if (rc >= 0)
		rc = plane_program__load(p, &o->gates, &skel, err);
	if (rc)
		return rc;
	/* A capture of the old gates has ended; who runs it sees that. */
	copying = p->copying;
	p->skel = skel;
	p->copying = NULL;
	rc = plane_attach__replace_all(p, &first);
	if (rc) {
		/* Those that have it already get the old one back. */
		p->skel = old;
		p->copying = copying;
		if (plane_attach__replace_all(p, &again))
			err__set(err, rc, "%s; and putting the old program back: %s", first.text,
				 again.text);
		else
			err__set(err, rc, "%s", first.text);
		lb_bpf__destroy(skel);
		return rc;
	}
	p->gates = o->gates;
	lb_bpf__destroy(old);
	rc = plane_nat__keep(p, err);
	return rc ? rc : plane_passive__keep(p, err);
}

void plane__drop_unused(struct plane *p)
{
	char path[PLANE_PATH_LEN];
	struct bpf_map *map;

	bpf_object__for_each_map(map, p->skel->obj)
	{
		if (!bpf_map__autocreate(map) &&
		    !plane_pins__path(path, sizeof(path), p->instance, NULL, bpf_map__name(map)))
			unlink(path);
	}
	/* Of an agent that was killed while it captured. */
	if (!p->copying && !plane_capture__path(p, path))
		unlink(path);
}

void plane__close(struct plane *p)
{
	if (!p)
		return;
	for (uint32_t id = 0; p->slot_fds && id < FL_MAX_SERVICES; id++) {
		for (int i = 0; i < 2; i++) {
			if (p->slot_fds[id][i] >= 0)
				close(p->slot_fds[id][i]);
		}
	}
	free(p->slot_fds);
	plane_moves__close(p);
	plane_passive__close(p);
	plane__probe_close(p);
	plane_table__free(&p->vips);
	plane_table__free(&p->nat_back);
	btf__free(p->seat_btf);
	if (p->services)
		munmap(p->services, sizeof(struct fl_service) * FL_MAX_SERVICES);
	if (p->index)
		munmap(p->index, sizeof(struct fl_bucket) * FL_INDEX_BUCKETS);
	if (p->backends)
		munmap(p->backends, sizeof(struct fl_backend) * FL_MAX_BACKENDS);
	if (p->ours) {
		munmap(p->ours, sizeof(struct fl_ours));
		pthread_mutex_destroy(&p->ours_lock);
	}
	lb_bpf__destroy(p->skel);
	if (p->grace_fd >= 0)
		close(p->grace_fd);
	if (p->grace_outer_fd >= 0)
		close(p->grace_outer_fd);
	if (p->nat_fd >= 0)
		close(p->nat_fd);
	if (p->nat_sweep_fd >= 0)
		close(p->nat_sweep_fd);
	if (p->nat_take_fd >= 0)
		close(p->nat_take_fd);
	if (p->arm_fd >= 0)
		close(p->arm_fd);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p);
}

int plane__remove(const char *instance, struct err *err)
{
	struct plane p = {.lock_fd = -1};
	bool made;
	int rc;

	snprintf(p.instance, sizeof(p.instance), "%s", instance);
	rc = plane_pins__lock(instance, &p.lock_fd, &made, err);
	if (rc)
		return rc;
	detach_all(&p);
	rc = remove_pins(instance);
	if (rc)
		err__set(err, rc, "cannot remove the pins of instance '%s' below %s: %s", instance,
			 PLANE_ROOT, strerror(-rc));
	close(p.lock_fd);
	return rc;
}
