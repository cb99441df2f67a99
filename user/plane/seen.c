/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/seen.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plane/internal.h"

/* The folders beside ours: other layouts. */
static void look_for_others(const char *dir, struct plane_seen *out)
{
	const struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		unsigned int version;
		char rest;

		if (sscanf(e->d_name, "v%u%c", &version, &rest) == 1 && version != FL_ABI_VERSION &&
		    out->n_others < PLANE_SEEN_OTHERS)
			out->others[out->n_others++] = version;
	}
	if (d)
		closedir(d);
}

static void look_at_lease(const char *instance, struct plane_seen *out)
{
	char path[PLANE_PATH_LEN];
	__u32 zero = 0;
	int fd;

	if (plane_pins__path(path, sizeof(path), instance, NULL, "lease"))
		return;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	out->has_lease = bpf_map_lookup_elem(fd, &zero, &out->lease) == 0;
	close(fd);
}

void plane_seen__look(const char *instance, struct plane_seen *out)
{
	char path[PLANE_PATH_LEN];

	*out = (struct plane_seen){.pins = -ENOENT};
	out->bpffs = plane_pins__check_bpffs(NULL);
	if (out->bpffs == -ENOTSUP)
		out->bpffs = -ENODEV;
	if (out->bpffs || plane_pins__path(path, sizeof(path), instance, NULL, NULL))
		return;
	out->pins = access(path, R_OK | X_OK) ? -errno : 0;
	if (!out->pins)
		look_at_lease(instance, out);
	*strrchr(path, '/') = '\0';
	look_for_others(path, out);
}

/* Whether a pin of the instance is that of the interface. */
static bool is_ours(const char *instance, const char *ifname, uint32_t ifindex)
{
	struct bpf_link_info info = {0};
	char path[PLANE_PATH_LEN];
	__u32 len = sizeof(info);
	bool ours;
	int fd;

	if (!plane_pins__path(path, sizeof(path), instance, PLANE_DISPATCHED, ifname) &&
	    access(path, F_OK) == 0)
		return true;
	if (plane_pins__path(path, sizeof(path), instance, PLANE_LINKS, ifname))
		return false;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	ours = !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_XDP &&
	       info.xdp.ifindex == ifindex;
	close(fd);
	return ours;
}

int plane_seen__xdp(const char *instance, const char *ifname, uint32_t ifindex,
		    struct plane_seen_xdp *out)
{
	static const enum plane_seen_mode modes[] = {
		[XDP_ATTACHED_NONE] = PLANE_SEEN_NONE,	  [XDP_ATTACHED_DRV] = PLANE_SEEN_NATIVE,
		[XDP_ATTACHED_SKB] = PLANE_SEEN_GENERIC,  [XDP_ATTACHED_HW] = PLANE_SEEN_OFFLOADED,
		[XDP_ATTACHED_MULTI] = PLANE_SEEN_NATIVE,
	};
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int rc = bpf_xdp_query((int)ifindex, 0, &q);

	if (rc)
		return rc;
	if (q.attach_mode >= sizeof(modes) / sizeof(*modes))
		return -EPROTO;
	out->mode = modes[q.attach_mode];
	out->id = q.prog_id;
	out->ours = out->mode != PLANE_SEEN_NONE && is_ours(instance, ifname, ifindex);
	return 0;
}
