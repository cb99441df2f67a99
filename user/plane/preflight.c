/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight.c - what the kernel and this process need for BPF, looked at before anything is made.
 *
 * Features are tried, not versions compared: distributions carry features back to old kernels, and
 * turn some off in new ones.
 */
#include "plane/internal.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* libbpf's warnings say what went wrong where; the first one goes into our error's sentence. */
static int on_libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN)
		plane_program__keep_warning(fmt, ap);
	return 0;
}

static int check_btf(struct err *err)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		return 0;
	return err__set(
		err, -ENOTSUP,
		"the kernel has no BTF (/sys/kernel/btf/vmlinux: %s): fairlead needs one built with "
		"CONFIG_DEBUG_INFO_BTF, as distributions' kernels are",
		strerror(errno));
}

static int check_capabilities(struct err *err)
{
	static const struct {
		unsigned int cap;
		const char *name, *why;
	} needed[] = {
		{CAP_BPF, "CAP_BPF", "to load the program"},
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach XDP"},
		{CAP_PERFMON, "CAP_PERFMON", "for the verifier to trust the program's pointers"},
	};

	if (capng_get_caps_process())
		return err__set(err, -EPERM, "cannot read this process's capabilities");
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) &&
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return 0; /* the kernel takes CAP_SYS_ADMIN for CAP_BPF and CAP_PERFMON */
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap))
			return err__set(
				err, -EPERM,
				"%s is missing, needed %s: start fairleadd as root or by its "
				"systemd unit",
				needed[i].name, needed[i].why);
	}
	return 0;
}

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

/* The youngest first: what it names is what the kernel must be upgraded to at least. */
static int check_features(struct err *err)
{
	static const struct {
		bool (*has)(void);
		const char *what, *since;
	} needed[] = {
		{has_timer, "timers in BPF programs (bpf_timer_init)", "5.15"},
		{has_coarse_clock, "the coarse clock in BPF programs (bpf_ktime_get_coarse_ns)",
		 "5.11"},
		{has_xdp_link, "links that hold an XDP program (BPF_LINK_CREATE)", "5.9"},
		{has_mapped_array, "arrays that a process can map (BPF_F_MMAPABLE)", "5.5"},
		{has_devmap_hash, "hashes of devices to send to (BPF_MAP_TYPE_DEVMAP_HASH)", "5.4"},
		{has_array_of_maps, "arrays of maps (BPF_MAP_TYPE_ARRAY_OF_MAPS)", "4.12"},
	};
	struct utsname kernel;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (needed[i].has())
			continue;
		uname(&kernel);
		return err__set(
			err, -ENOTSUP,
			"this kernel (%s) lacks %s, which Linux has had since %s: boot a newer one; "
			"fairlead is tested with 6.1 and later",
			kernel.release, needed[i].what, needed[i].since);
	}
	return 0;
}

int plane_preflight__check(struct err *err)
{
	int rc;

	libbpf_set_print(on_libbpf_print);
	rc = check_btf(err);
	rc = rc ? rc : check_capabilities(err);
	rc = rc ? rc : check_features(err);
	return rc;
}
