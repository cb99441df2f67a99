/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dispatch.c - sharing an interface's XDP hook with others through libxdp's dispatcher.
 *
 * The links that libxdp makes into its dispatcher can't be given another program, so what is attached
 * is a trampoline (entry.bpf.c) that stays for good and tail-calls entry_prog[0]; an update is one
 * store into that pinned program array. It needs BPF_PROG_TYPE_EXT from the kernel and, since libxdp
 * opens programs by id, CAP_SYS_ADMIN. The dispatcher is ours (dispatcher.c), because libxdp's own may
 * not be extended by programs that change packets. Whoever rebuilds it with libxdp's, to load a second
 * program behind a fairlead that is there, is refused by such kernels, and fairlead goes on.
 *
 * The trampoline on an interface is pinned as dispatched/<interface>, so that it is found again.
 */
#include "plane/features.h"
#include "plane/internal.h"

#include <cap-ng.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "entry.skel.h"

bool plane_dispatch__possible(void)
{
	static int known = -1;

	if (known < 0)
		known = !capng_get_caps_process() &&
			capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) &&
			plane_features__sharing();
	return known;
}

static int open_array(const char *instance)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	rc = plane_pins__path(path, sizeof(path), instance, NULL, "entry_prog");
	if (rc)
		return rc;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int plane_dispatch__point(struct plane *p, struct err *err)
{
	__u32 zero = 0, lb = (__u32)plane_attach__entry(p);
	int fd = open_array(p->instance), rc = 0;

	if (fd == -ENOENT)
		return 0; /* nothing has been dispatched yet */
	if (fd < 0)
		return err__set(err, fd, "cannot open the pinned map 'entry_prog': %s",
				strerror(-fd));
	if (bpf_map_update_elem(fd, &zero, &lb, BPF_ANY))
		rc = err__set(
			err, -errno,
			"cannot put the program behind the dispatcher (map 'entry_prog'): %s%s",
			strerror(errno),
			p->skel->rodata->gate_jumbo
				? "; jumbo frames do not go through it: make the MTU 3498 or less"
				: "");
	close(fd);
	return rc;
}

/* Does that program use the instance's program array? Then it is the instance's trampoline. */
static bool is_ours(const struct xdp_program *prog, uint32_t array_id)
{
	__u32 ids[8] = {0};
	struct bpf_prog_info info = {
		.nr_map_ids = sizeof(ids) / sizeof(*ids),
		.map_ids = (__u64)(uintptr_t)ids,
	};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(xdp_program__fd(prog), &info, &len))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < sizeof(ids) / sizeof(*ids); i++) {
		if (ids[i] == array_id)
			return true;
	}
	return false;
}

/* The instance's trampoline on an interface, inside *mp, which the caller closes; NULL if none. */
static struct xdp_program *find(const char *instance, uint32_t ifindex, struct xdp_multiprog **mp)
{
	struct xdp_program *prog = NULL;
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	int fd, rc;

	*mp = NULL;
	fd = open_array(instance);
	if (fd < 0)
		return NULL;
	rc = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (rc)
		return NULL;
	*mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(*mp)) {
		*mp = NULL;
		return NULL;
	}
	while ((prog = xdp_multiprog__next_prog(prog, *mp))) {
		if (is_ours(prog, info.id))
			return prog;
	}
	return NULL;
}

bool plane_dispatch__attached(const char *instance, uint32_t ifindex)
{
	struct xdp_multiprog *mp;
	bool found = find(instance, ifindex, &mp) != NULL;

	xdp_multiprog__close(mp);
	return found;
}

static void pin_path(const char *instance, const char *ifname, char *buf)
{
	plane_pins__path(buf, PLANE_PATH_LEN, instance, PLANE_DISPATCHED, ifname);
}

void plane_dispatch__detach(const char *instance, const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct xdp_multiprog *mp = NULL;
	struct xdp_program *prog;
	char path[PLANE_PATH_LEN];

	pin_path(instance, ifname, path);
	if (access(path, F_OK))
		return;
	prog = ifindex ? find(instance, ifindex, &mp) : NULL;
	if (prog) {
		plane_dispatcher__offer();
		xdp_program__detach(prog, (int)ifindex, xdp_multiprog__attach_mode(mp), 0);
		plane_dispatcher__withdraw();
	}
	xdp_multiprog__close(mp);
	unlink(path);
}

static int on_libxdp_print(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBXDP_WARN)
		plane_program__keep_warning(fmt, ap);
	return 0;
}

static int attach_new(struct plane *p, const char *ifname, uint32_t ifindex, bool generic,
		      struct err *err)
{
	struct xdp_program *prog = NULL;
	char path[PLANE_PATH_LEN], why[128];
	struct entry_bpf *skel;
	int rc;

	libxdp_set_print(on_libxdp_print);
	plane_program__forget_warning();
	skel = entry_bpf__open();
	if (!skel)
		return err__set(err, -errno, "cannot open the built-in trampoline: %s",
				strerror(errno));
	plane_dispatcher__offer();
	rc = plane_pins__path(path, sizeof(path), p->instance, NULL, "entry_prog");
	if (!rc)
		rc = bpf_map__set_pin_path(skel->maps.entry_prog, path);
	if (rc) {
		err__set(err, rc, "cannot set the pin of map 'entry_prog': %s", strerror(-rc));
		goto cleanup;
	}
	prog = xdp_program__from_bpf_obj(skel->obj, "xdp");
	rc = (int)libxdp_get_error(prog);
	if (rc) {
		prog = NULL;
		err__set(err, rc, "cannot hand the trampoline to libxdp: %s", strerror(-rc));
		goto cleanup;
	}
	rc = xdp_program__attach(prog, (int)ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	if (rc) {
		libxdp_strerror(rc, why, sizeof(why));
		err__set(err, rc, "libxdp cannot share the hook of interface %s: %s (%s)", ifname,
			 why, plane_program__warning());
		goto cleanup;
	}
	pin_path(p->instance, ifname, path);
	unlink(path); /* of an interface that had the same name */
	if (bpf_obj_pin(xdp_program__fd(prog), path)) {
		rc = err__set(err, -errno, "cannot pin %s: %s", path, strerror(errno));
		xdp_program__detach(prog, (int)ifindex,
				    xdp_program__is_attached(prog, (int)ifindex), 0);
		goto cleanup;
	}
	rc = plane_dispatch__point(p, err);
cleanup:
	plane_dispatcher__withdraw();
	xdp_program__close(prog);
	entry_bpf__destroy(skel);
	return rc;
}

int plane_dispatch__attach(struct plane *p, const char *ifname, uint32_t ifindex, bool generic,
			   struct err *err)
{
	if (plane_dispatch__attached(p->instance, ifindex))
		return plane_dispatch__point(p, err);
	return attach_new(p, ifname, ifindex, generic, err);
}
