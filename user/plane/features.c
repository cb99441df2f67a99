/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plane/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

static bool has_timer(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_timer_init, NULL) == 1;
}

static bool has_coarse_clock(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_coarse_ns, NULL) == 1;
}

/* A kernel that knows XDP links complains about the program, any other about the request. */
static bool has_xdp_link(void)
{
	int fd = bpf_link_create(-1, 1, BPF_XDP, NULL);

	return fd == -EBADF;
}

static bool has_mapped_array(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "preflight", sizeof(__u32), sizeof(__u64), 1,
				&opts);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool has_devmap_hash(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_DEVMAP_HASH, NULL) == 1;
}

static bool has_array_of_maps(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL) == 1;
}

const struct plane_feature *plane_features__list(size_t *n)
{
	static const struct plane_feature list[] = {
		{has_timer, "timers in BPF programs (bpf_timer_init)", "5.15"},
		{has_coarse_clock, "the coarse clock in BPF programs (bpf_ktime_get_coarse_ns)",
		 "5.11"},
		{has_xdp_link, "links that hold an XDP program (BPF_LINK_CREATE)", "5.9"},
		{has_mapped_array, "arrays that a process can map (BPF_F_MMAPABLE)", "5.5"},
		{has_devmap_hash, "hashes of devices to send to (BPF_MAP_TYPE_DEVMAP_HASH)", "5.4"},
		{has_array_of_maps, "arrays of maps (BPF_MAP_TYPE_ARRAY_OF_MAPS)", "4.12"},
	};

	*n = sizeof(list) / sizeof(*list);
	return list;
}

int plane_features__btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) ? -errno : 0;
}

bool plane_features__sharing(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, NULL) == 1;
}

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

void plane_features__quiet(void)
{
	libbpf_set_print(print_nothing);
}
