/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.c - probes by the clients' path: probe_out at the far end of the agent's pair of devices,
 * probe_back on the interfaces where answers come in, and the map of stand-ins.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "plane/internal.h"
#include "probe.skel.h"
#include "core/fnv.h"

/*
 * Where our filter stands among others of the hook: early, since it leaves to them all that is not its
 * own, and they may not leave anything to it. Each instance has a place of its own.
 */
#define TC_HANDLE 0xfa1e
#define TC_PRIORITY 16

uint16_t plane__instance_number(const char *instance)
{
	uint32_t h = fnv32(FNV32, instance, strlen(instance));

	return (uint16_t)((h ^ h >> 12 ^ h >> 24) & 0xfff);
}

static void set_hook(struct bpf_tc_hook *hook, struct bpf_tc_opts *o, const char *instance,
		     uint32_t ifindex)
{
	*hook = (struct bpf_tc_hook){
		.sz = sizeof(*hook), .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS};
	*o = (struct bpf_tc_opts){.sz = sizeof(*o),
				  .handle = TC_HANDLE,
				  .priority = TC_PRIORITY + plane__instance_number(instance)};
}

/* Entries that an earlier agent left; nobody probes by them any more. */
static int clear_stand_ins(int fd)
{
	struct fl_probe_key key;

	while (bpf_map_get_next_key(fd, NULL, &key) == 0) {
		if (bpf_map_delete_elem(fd, &key))
			return -errno;
	}
	return 0;
}

static int attach_out(const struct plane *p, struct err *err)
{
	int rc = bpf_xdp_attach((int)p->probe_far, bpf_program__fd(p->skel->progs.probe_out),
				XDP_FLAGS_SKB_MODE, NULL);

	return rc ? err__set(err, rc,
			     "cannot attach the program of probes with `via: path` to the device "
			     "with index %u: %s",
			     p->probe_far, strerror(-rc))
		  : 0;
}

int plane_probe__replace(struct plane *p, struct err *err)
{
	bool there = bpf_program__autoload(p->skel->progs.probe_out);

	return p->probe_far && there ? attach_out(p, err) : 0;
}

int plane__probe_open(struct plane *p, uint32_t near, uint32_t far, struct err *err)
{
	struct probe_bpf *skel;
	int rc;

	plane__probe_close(p);
	skel = probe_bpf__open();
	if (!skel)
		return err__set(err, -errno, "cannot open the built-in BPF object of probes: %s",
				strerror(errno));
	skel->rodata->probe_ifindex = near;
	rc = bpf_map__reuse_fd(skel->maps.probe_flows, bpf_map__fd(p->skel->maps.probe_flows));
	if (!rc)
		rc = probe_bpf__load(skel);
	if (!rc)
		rc = clear_stand_ins(bpf_map__fd(p->skel->maps.probes));
	if (rc) {
		probe_bpf__destroy(skel);
		return err__set(err, rc, "cannot load the BPF program of probes: %s",
				strerror(-rc));
	}
	p->probe_far = far;
	rc = attach_out(p, err);
	if (rc) {
		p->probe_far = 0;
		probe_bpf__destroy(skel);
		return rc;
	}
	p->probe_skel = skel;
	return 0;
}

void plane__probe_close(struct plane *p)
{
	probe_bpf__destroy(p->probe_skel);
	p->probe_skel = NULL;
	p->probe_far = 0;
}

int plane__probe_listen(struct plane *p, uint32_t ifindex, struct err *err)
{
	struct bpf_tc_hook hook;
	struct bpf_tc_opts o;
	int rc;

	set_hook(&hook, &o, p->instance, ifindex);
	rc = bpf_tc_hook_create(&hook);
	if (!rc || rc == -EEXIST) {
		o.prog_fd = bpf_program__fd(p->probe_skel->progs.probe_back);
		o.flags = BPF_TC_F_REPLACE;
		rc = bpf_tc_attach(&hook, &o);
	}
	return rc ? err__set(err, rc,
			     "cannot attach the TC program that takes the answers of probes with "
			     "`via: path` to the interface with index %u: %s",
			     ifindex, strerror(-rc))
		  : 0;
}

void plane_probe__ignore(const char *instance, const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct bpf_tc_hook hook;
	struct bpf_tc_opts o;

	if (!ifindex)
		return;
	set_hook(&hook, &o, instance, ifindex);
	bpf_tc_detach(&hook, &o);
}

void plane__probe_ignore(struct plane *p, const char *ifname)
{
	plane_probe__ignore(p->instance, ifname);
}

int plane__probe_set(struct plane *p, const struct addr *stand_in, const struct addr *vip,
		     uint32_t service, uint32_t backend, struct err *err)
{
	struct fl_probe value = {.backend = backend, .service = service};
	struct fl_probe_key key;

	memcpy(key.stand_in, stand_in->b, sizeof(key.stand_in));
	memcpy(value.vip, vip->b, sizeof(value.vip));
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.probes), &key, &value, BPF_ANY))
		return err__set(err, -errno, "cannot write map 'probes': %s", strerror(errno));
	return 0;
}

void plane__probe_forget(struct plane *p, const struct addr *stand_in)
{
	struct fl_probe_key key;

	memcpy(key.stand_in, stand_in->b, sizeof(key.stand_in));
	bpf_map_delete_elem(bpf_map__fd(p->skel->maps.probes), &key);
}
