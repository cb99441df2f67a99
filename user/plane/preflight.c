/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight.c - what the kernel and this process need for BPF, looked at before anything is made.
 */
#include "plane/features.h"
#include "plane/internal.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

/* libbpf's warnings say what went wrong where; the first one goes into our error's sentence. */
static int on_libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN)
		plane_program__keep_warning(fmt, ap);
	return 0;
}

static int check_btf(struct err *err)
{
	int rc = plane_features__btf();

	if (!rc)
		return 0;
	return err__set(
		err, -ENOTSUP,
		"the kernel has no BTF (/sys/kernel/btf/vmlinux: %s): fairlead needs one built with "
		"CONFIG_DEBUG_INFO_BTF, as distributions' kernels are",
		strerror(-rc));
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

static int check_features(struct err *err)
{
	size_t n;
	const struct plane_feature *needed = plane_features__list(&n);
	struct utsname kernel;

	for (size_t i = 0; i < n; i++) {
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
