/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c - the program on its interfaces.
 *
 * Alone on the hook, the program hangs on a bpf_link of ours, pinned under links/<interface>: a
 * restart replaces the program in that link, and no packet finds the hook empty. Where libxdp's
 * dispatcher works, it is used instead (dispatch.c), so that the hook can be shared. How an interface
 * was attached first stays until it is detached.
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
	plane_pins__path(buf, PLANE_PATH_LEN, p->instance, PLANE_LINKS, ifname);
}

int plane_attach__entry(const struct plane *p)
{
	return bpf_program__fd(p->copying ? p->copying->progs.lb_copy : p->skel->progs.lb);
}

/* The pinned link's fd if it still sits on that interface in that mode; else it is detached and unpinned. */
static int adopt_link(const char *path, uint32_t ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_LINK_TYPE_XDP ||
	    info.xdp.ifindex != ifindex || bpf_xdp_query((int)ifindex, 0, &q) ||
	    (q.attach_mode == XDP_ATTACHED_SKB) != generic) {
		/* An agent's own descriptor must not keep the program where another mode is wanted. */
		bpf_link_detach(fd);
		unlink(path);
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* `alone`: why the hook cannot be shared. */
static int describe_foreign(const char *ifname, uint32_t prog_id, const char *alone,
			    struct err *err)
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
		"and %s: take it off with `ip link set dev %s xdp off` (or stop what put it there), "
		"then start again",
		ifname, info.name, info.name[0] ? ", " : "", prog_id, alone, ifname);
}

/* An XDP program on the interface that did not come from our pinned link. */
static int refuse_foreign(const char *ifname, uint32_t ifindex, const char *alone, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query((int)ifindex, 0, &q);

	if (rc)
		return err__set(err, rc, "cannot ask for the XDP program of interface %s: %s",
				ifname, strerror(-rc));
	if (q.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	return describe_foreign(ifname, q.prog_id ? q.prog_id : q.drv_prog_id, alone, err);
}

static int create_link(const struct plane *p, const char *path, uint32_t ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(plane_attach__entry(p), (int)ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return fd;
	if (bpf_obj_pin(fd, path)) {
		int rc = -errno;

		close(fd); /* the last reference: detaches */
		return rc;
	}
	return fd;
}

/* Gives the program to a link that an earlier agent left. -ENOENT: there is none that fits. */
static int update_alone(const struct plane *p, const char *ifname, uint32_t ifindex, bool generic,
			struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	link_path(p, ifname, path);
	fd = adopt_link(path, ifindex, generic);
	if (fd < 0)
		return -ENOENT;
	rc = bpf_link_update(fd, plane_attach__entry(p), NULL);
	close(fd);
	if (rc)
		return err__set(
			err, rc,
			"cannot replace the program on interface %s: %s; the old one goes on",
			ifname, strerror(-rc));
	return 0;
}

static int attach_alone(const struct plane *p, const char *ifname, uint32_t ifindex, bool *generic,
			struct err *warning, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd;

	link_path(p, ifname, path);
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

/* On a hook without a link of ours: through the dispatcher if that works, else alone. */
static int attach_new(struct plane *p, const char *ifname, uint32_t ifindex, bool *generic,
		      bool *dispatched, struct err *warning, struct err *err)
{
	struct err why;
	int rc;

	*dispatched = plane_dispatch__possible();
	if (*dispatched && !plane_dispatch__attach(p, ifname, ifindex, *generic, &why))
		return 0;
	rc = refuse_foreign(ifname, ifindex,
			    *dispatched
				    ? why.text
				    : "this kernel, or this process's capabilities, cannot run two",
			    err);
	if (rc)
		return rc;
	rc = attach_alone(p, ifname, ifindex, generic, warning, err);
	if (!rc && *dispatched && !warning->text[0])
		err__set(warning, 0, "%s; attached alone on the hook instead", why.text);
	*dispatched = false;
	return rc;
}

static int open_link(const struct plane *p, const char *ifname)
{
	char path[PLANE_PATH_LEN];

	link_path(p, ifname, path);
	return bpf_obj_get(path);
}

bool plane_link__sits(const struct plane *p, const struct plane_link *l)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);

	if (l->dispatched)
		return plane_dispatch__attached(p->instance, l->ifindex);
	return l->fd < 0 || bpf_obj_get_info_by_fd(l->fd, &info, &len) ||
	       info.xdp.ifindex == l->ifindex;
}

void plane_link__close(struct plane_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int plane__attach(struct plane *p, const char *ifname, bool generic, struct plane_link *out,
		  struct err *warning, struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	bool dispatched = false;
	int rc;

	warning->text[0] = '\0';
	if (!ifindex)
		return err__set(
			err, -ENODEV,
			"interface %s does not exist: `ip link` lists those that do; correct "
			"`interfaces` in the configuration",
			ifname);
	rc = update_alone(p, ifname, ifindex, generic, err);
	if (rc == -ENOENT)
		rc = attach_new(p, ifname, ifindex, &generic, &dispatched, warning, err);
	if (rc)
		return rc;
	plane_link__close(out);
	out->fd = dispatched ? -1 : open_link(p, ifname);
	if (ifname != out->ifname)
		snprintf(out->ifname, sizeof(out->ifname), "%s", ifname);
	out->ifindex = ifindex;
	out->native = !generic;
	out->dispatched = dispatched;
	return 0;
}

void plane__detach(struct plane *p, const char *ifname)
{
	char path[PLANE_PATH_LEN];
	int fd;

	link_path(p, ifname, path);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		/* Whoever else holds the link must not keep the program on the interface. */
		bpf_link_detach(fd);
		close(fd);
		unlink(path);
	}
	plane_dispatch__detach(p->instance, ifname);
	plane_probe__ignore(p->instance, ifname);
}

/* Appends the interfaces that a folder of pins names. */
static int list_pins(const struct plane *p, const char *folder, char (**names)[16], size_t *n)
{
	char path[PLANE_PATH_LEN];
	struct dirent *e;
	int rc = 0;
	DIR *d;

	plane_pins__path(path, sizeof(path), p->instance, folder, NULL);
	d = opendir(path);
	if (!d)
		return -errno;
	while (!rc && (e = readdir(d))) {
		char(*more)[16];

		if (e->d_name[0] == '.')
			continue;
		more = realloc(*names, (*n + 1) * sizeof(*more));
		if (!more) {
			rc = -ENOMEM;
			break;
		}
		*names = more;
		if (plane_pins__decode(e->d_name, more[*n], sizeof(*more)) == 0)
			(*n)++;
	}
	closedir(d);
	return rc;
}

int plane__attached(struct plane *p, char (**names)[16], size_t *n)
{
	int rc;

	*names = NULL;
	*n = 0;
	rc = list_pins(p, PLANE_LINKS, names, n);
	rc = rc ? rc : list_pins(p, PLANE_DISPATCHED, names, n);
	if (rc) {
		free(*names);
		*names = NULL;
	}
	return rc;
}

/* The program for one interface: in its link, or nothing to do behind the dispatcher. */
static int replace_one(const struct plane *p, const char *ifname, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	link_path(p, ifname, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	rc = bpf_link_update(fd, plane_attach__entry(p), NULL);
	close(fd);
	/* -ENOLINK: the interface is gone and its link is dead, there is nothing to replace. */
	if (rc && rc != -ENOLINK)
		return err__set(err, rc, "cannot replace the program on interface %s: %s", ifname,
				strerror(-rc));
	return 0;
}

int plane_attach__replace_all(struct plane *p, struct err *err)
{
	char(*names)[16] = NULL;
	size_t n = 0;
	int rc;

	rc = plane_dispatch__point(p, err);
	if (rc)
		return rc;
	rc = plane__attached(p, &names, &n);
	if (rc)
		return err__set(err, rc, "cannot list the links of instance '%s': %s", p->instance,
				strerror(-rc));
	for (size_t i = 0; i < n && !rc; i++)
		rc = replace_one(p, names[i], err);
	free(names);
	return rc ? rc : plane_probe__replace(p, err);
}
