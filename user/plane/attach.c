/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c - the program on its interfaces.
 *
 * Alone on the hook, the program hangs on a bpf_link of ours, pinned under links/<interface>: a
 * restart replaces the program in that link, and no packet finds the hook empty. Where the kernel
 * lets programs extend others, libxdp's dispatcher is used instead (dispatch.c), so that the hook can
 * be shared.
 */
#include "plane/internal.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void link_path(const struct plane *p, const char *ifname, char *buf)
{
	plane_pins__path(buf, PLANE_PATH_LEN, p->instance, "links", ifname);
}

static int lb_fd(const struct plane *p)
{
	return bpf_program__fd(p->skel->progs.lb);
}

/* The pinned link's fd if it still sits on that interface in that mode; else it is unpinned. */
static int adopt_link(const struct plane *p, const char *path, uint32_t ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	(void)p;
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_LINK_TYPE_XDP ||
	    info.xdp.ifindex != ifindex || bpf_xdp_query((int)ifindex, 0, &q) ||
	    (q.attach_mode == XDP_ATTACHED_SKB) != generic) {
		unlink(path);
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int describe_foreign(const char *ifname, uint32_t prog_id, struct err *err)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	/* Opening by id needs CAP_SYS_ADMIN, which the unit does not grant: then the id must do. */
	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
	}
	return err__set(
		err, -EBUSY,
		"interface %s already carries an XDP program that is not fairlead's (%s%sid %u), "
		"and this kernel cannot run two: take it off with `ip link set dev %s xdp off` (or "
		"stop what put it there), then start again",
		ifname, info.name, info.name[0] ? ", " : "", prog_id, ifname);
}

/* An XDP program on the interface that did not come from our pinned link. */
static int refuse_foreign(const char *ifname, uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query((int)ifindex, 0, &q);

	if (rc)
		return err__set(err, rc, "cannot ask for the XDP program of interface %s: %s",
				ifname, strerror(-rc));
	if (q.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	return describe_foreign(ifname, q.prog_id ? q.prog_id : q.drv_prog_id, err);
}

static int create_link(const struct plane *p, const char *path, uint32_t ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(lb_fd(p), (int)ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return fd;
	if (bpf_obj_pin(fd, path)) {
		int rc = -errno;

		close(fd); /* the last reference: detaches */
		return rc;
	}
	return fd;
}

static int attach_alone(struct plane *p, const char *ifname, uint32_t ifindex, bool *generic,
			struct err *warning, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	link_path(p, ifname, path);
	fd = adopt_link(p, path, ifindex, *generic);
	if (fd >= 0) {
		rc = bpf_link_update(fd, lb_fd(p), NULL);
		close(fd);
		if (rc)
			return err__set(
				err, rc,
				"cannot replace the program on interface %s: %s; the old one goes on",
				ifname, strerror(-rc));
		return 0;
	}
	rc = refuse_foreign(ifname, ifindex, err);
	if (rc)
		return rc;
	fd = create_link(p, path, ifindex, *generic);
	if (fd < 0 && !*generic && fd != -EBUSY && fd != -EPERM) {
		int native = fd;

		fd = create_link(p, path, ifindex, true);
		if (fd >= 0) {
			*generic = true;
			err__set(
				warning, 0,
				"interface %s takes no native XDP (%s: %s): attached in generic mode, "
				"which is several times slower; look for a driver with native XDP, a "
				"smaller MTU or fewer queues, or say xdp_mode: generic to silence this",
				ifname, native == -EOPNOTSUPP ? "its driver has none" : "refused",
				strerror(-native));
		}
	}
	if (fd < 0)
		return err__set(
			err, fd, "cannot attach XDP to interface %s: %s%s", ifname, strerror(-fd),
			fd == -EOPNOTSUPP ? "; the kernel or this kind of interface has no XDP"
					  : "");
	close(fd);
	return 0;
}

int plane__attach(struct plane *p, const char *ifname, bool generic, struct plane_link *out,
		  struct err *warning, struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	bool dispatched = plane_dispatch__possible();
	int rc;

	warning->text[0] = '\0';
	if (!ifindex)
		return err__set(
			err, -ENODEV,
			"interface %s does not exist: `ip link` lists those that do; correct "
			"`interfaces` in the configuration",
			ifname);
	if (dispatched)
		rc = plane_dispatch__attach(p, ifname, ifindex, generic, err);
	else
		rc = attach_alone(p, ifname, ifindex, &generic, warning, err);
	if (rc)
		return rc;
	snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	out->ifindex = ifindex;
	out->native = !generic;
	out->dispatched = dispatched;
	return 0;
}

void plane__detach(struct plane *p, const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);
	char path[PLANE_PATH_LEN];
	int fd;

	link_path(p, ifname, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		/* Whoever else holds the link must not keep the program on the interface. */
		bpf_link_detach(fd);
		close(fd);
	}
	if (ifindex && plane_dispatch__possible())
		plane_dispatch__detach(p->instance, ifindex);
	unlink(path);
}

int plane__attached(struct plane *p, char (**names)[16], size_t *n)
{
	char path[PLANE_PATH_LEN];
	struct dirent *e;
	size_t count = 0;
	DIR *d;

	plane_pins__path(path, sizeof(path), p->instance, "links", NULL);
	d = opendir(path);
	if (!d)
		return -errno;
	*names = NULL;
	while ((e = readdir(d))) {
		char(*more)[16];

		if (e->d_name[0] == '.')
			continue;
		more = realloc(*names, (count + 1) * sizeof(*more));
		if (!more) {
			closedir(d);
			free(*names);
			*names = NULL;
			return -ENOMEM;
		}
		*names = more;
		if (plane_pins__decode(e->d_name, more[count], sizeof(*more)) == 0)
			count++;
	}
	closedir(d);
	*n = count;
	return 0;
}

int plane_attach__replace_all(struct plane *p, struct err *err)
{
	char path[PLANE_PATH_LEN];
	char(*names)[16] = NULL;
	size_t n = 0;
	int rc;

	if (plane_dispatch__possible())
		return plane_dispatch__point(p, err);
	rc = plane__attached(p, &names, &n);
	if (rc)
		return err__set(err, rc, "cannot list the links of instance '%s': %s", p->instance,
				strerror(-rc));
	for (size_t i = 0; i < n && !rc; i++) {
		int fd;

		link_path(p, names[i], path);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		rc = bpf_link_update(fd, lb_fd(p), NULL);
		close(fd);
		/* The interface is gone and its link is dead: nothing to replace. */
		if (rc == -ENOLINK)
			rc = 0;
		if (rc)
			err__set(err, rc, "cannot replace the program on interface %s: %s",
				 names[i], strerror(-rc));
	}
	free(names);
	return rc;
}
