/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/frames.h"
#include "bench/host.h"
/* The benchmark measures the program and the maps, which plane.h rightly hides. */
#include "plane/internal.h"

struct world {
	struct plane *plane;
	char instance[32];
	uint32_t services;
	uint32_t backends;
	/* the service that was made last */
	uint32_t id, slots;
	uint16_t *table;
};

const uint8_t world_hop_mac[6] = {2, 0, 0, 0, 0xb, 1};
static const uint8_t port_mac[6] = {2, 0, 0, 0, 0xa, 1};

/* Outer sources vary with the flow within these; the backends are 10.8.0.0/16 and fd08::/112. */
static const uint8_t source4[4] = {10, 66, 0, 0};
static const uint8_t source6[16] = {0xfd, 0x66};
#define SOURCE_LEN 112

/* Sources for full NAT, with all ports that there are. */
static int make_pool(struct world *w, struct err *err)
{
	struct addr addrs[FL_SNAT_ADDRS];
	const struct plane_snat pool = {
		.addrs4 = addrs, .n4 = FL_SNAT_ADDRS, .port_first = 1024, .port_last = 65535};

	for (uint8_t i = 0; i < FL_SNAT_ADDRS; i++)
		addrs[i] = addr__from_bytes(AF_INET, (uint8_t[4]){10, 66, 1, i});
	return plane__snat(w->plane, &pool, err);
}

int world__open(enum world_gate gate, struct world **out, struct err *err)
{
	static unsigned int opened;
	struct plane_options options = {
		.has_flow_key = true,
		.flow_key = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
			     0x082efa98ec4e6c89},
		.on_agent_loss = FL_LOSS_KEEP,
		.lease_ms = 1000,
		.gates.nat = gate == WORLD_NAT,
		.gates.passive = gate == WORLD_PASSIVE,
	};
	struct world *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return err__set(err, -ENOMEM, "out of memory");
	snprintf(w->instance, sizeof(w->instance), "bench-%d-%u", (int)getpid(), opened++);
	options.instance = w->instance;
	rc = plane__open(&options, &w->plane, err);
	if (rc) {
		free(w);
		return rc;
	}
	plane__macs(w->plane, &frames_dmac, 1);
	rc = gate == WORLD_NAT ? make_pool(w, err) : 0;
	if (rc)
		world__close(w);
	else
		*out = w;
	return rc;
}

void world__close(struct world *w)
{
	if (!w)
		return;
	plane__rollback(w->plane);
	plane__close(w->plane);
	free(w->table);
	free(w);
}

#define GUE_PORT 6080
#define NAT_PORT 8080 /* of the backends: ports are mapped */

static struct plane_backend backend(enum fl_forward mode, uint32_t i, char *id, size_t len)
{
	uint8_t address4[4] = {10, 8, (uint8_t)(i >> 8), (uint8_t)i};
	uint8_t address6[16] = {0xfd, 0x08, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};
	int v6 = mode == FL_FWD_IPIP6 || mode == FL_FWD_GUE6, family = v6 ? AF_INET6 : AF_INET;

	snprintf(id, len, "b%u", i);
	return (struct plane_backend){
		.id = id,
		.address = addr__from_bytes(family, v6 ? address6 : address4),
		.mode = mode,
		.source = addr__from_bytes(family, v6 ? source6 : source4),
		.source_len = SOURCE_LEN,
		.port = mode == FL_FWD_GUE4 || mode == FL_FWD_GUE6     ? GUE_PORT
			: mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT ? NAT_PORT
								       : 0,
	};
}

int world__backends(struct world *w, enum fl_forward mode, uint32_t ifindex, uint32_t n,
		    uint16_t *indices, struct err *err)
{
	struct fl_hop hop = {.ifindex = ifindex, .mtu = WORLD_MTU};
	char id[FL_ID_LEN];
	int rc;

	memcpy(hop.dmac, world_hop_mac, sizeof(hop.dmac));
	memcpy(hop.smac, port_mac, sizeof(hop.smac));
	for (uint32_t i = 0; i < n; i++) {
		struct plane_backend b = backend(mode, ++w->backends, id, sizeof(id));
		struct fl_backend entry = plane_backend__entry(&b);
		uint32_t index;

		rc = plane__backend_new(w->plane, &entry, &index, err);
		if (!rc)
			rc = plane__backend_hop(w->plane, index, &hop, err);
		if (rc)
			return rc;
		indices[i] = (uint16_t)index;
	}
	return 0;
}

void world__records(struct world *w, const uint16_t *indices, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		plane__backend_flag(w->plane, indices[i], FL_BE_RECORD, true);
}

int world__service(struct world *w, const struct addr *vip, uint8_t proto, uint16_t port,
		   enum fl_slot_class slot_class, const uint16_t *indices, uint32_t n,
		   struct err *err)
{
	struct plane_service service = {
		.key = {.port = htons(port), .proto = proto, .prefix = 128},
		.port_last = port,
		.slot_class = slot_class,
	};
	const struct plane_tune tune = {.affinity = FL_AFF_FLOW, .idle_s = 900};
	const struct fl_backend *first = plane__backend(w->plane, indices[0]);
	uint32_t slots = plane__slots(slot_class), id;
	char name[FL_NAME_LEN];
	uint16_t *table;
	int rc;

	rc = host__stopped(err);
	if (rc)
		return rc;
	if (first && first->mode == FL_FWD_NAT)
		service.flags = FL_SVC_NAT;
	if (first && first->mode == FL_FWD_FULLNAT)
		service.flags = FL_SVC_NAT | FL_SVC_FULLNAT;
	memcpy(service.key.addr, vip->b, sizeof(service.key.addr));
	snprintf(name, sizeof(name), "s%u", ++w->services);
	service.name = name;
	rc = plane__service_new(w->plane, &service, &id, err);
	if (rc)
		return rc;
	table = malloc(slots * sizeof(*table));
	if (!table)
		return err__set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < slots; i++)
		table[i] = indices[i % n];
	free(w->table);
	w->table = table;
	w->slots = slots;
	w->id = id;
	rc = plane__slots_write(w->plane, id, table, err);
	if (rc)
		return rc;
	plane__slots_swap(w->plane, id);
	plane__service_tune(w->plane, id, &tune);
	return plane__service_publish(w->plane, id, err);
}

void world__watch(struct world *w, uint32_t flows)
{
	plane__passive_sample(w->plane, w->id, flows, flows);
}

int world__move(struct world *w, uint16_t prev, struct err *err)
{
	uint32_t *words;
	int rc = plane__moves_make(w->plane, w->id, err);

	if (!rc)
		rc = plane__moves_install(w->plane, &w->id, 1, err);
	words = plane__moves(w->plane, w->id);
	if (rc || !words)
		return rc ? rc : err__set(err, -EIO, "the service has no move table");
	for (uint32_t i = 0; i < w->slots; i++) {
		words[i] = prev;
		w->table[i] |= FL_SLOT_DIRTY;
	}
	rc = plane__slots_write(w->plane, w->id, w->table, err);
	if (!rc)
		plane__slots_swap(w->plane, w->id);
	return rc;
}

int world__lb(const struct world *w)
{
	return bpf_program__fd(w->plane->skel->progs.lb);
}

uint64_t world__verdict(const struct world *w, enum fl_verdict verdict)
{
	struct fl_count count = {0};

	plane__count(w->plane, PLANE_VERDICT, verdict, &count);
	return count.packets;
}

uint64_t world__note(const struct world *w, enum fl_note note)
{
	struct fl_count count = {0};

	plane__count(w->plane, PLANE_NOTE, note, &count);
	return count.packets;
}

static int memlock(int fd, uint64_t *sum, struct err *err)
{
	unsigned long long bytes;
	char path[64], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "memlock: %llu", &bytes) != 1)
			continue;
		*sum += bytes;
		found = true;
	}
	if (f)
		fclose(f);
	return found ? 0 : err__set(err, -EIO, "cannot read the size of a map from %s", path);
}

int world__memory(const struct world *w, uint64_t *bytes, struct err *err)
{
	const struct bpf_map *map;
	uint64_t sum = 0;
	int rc = 0;

	bpf_object__for_each_map(map, w->plane->skel->obj)
	{
		/* Without a descriptor: a map whose gate is off. */
		if (!rc && bpf_map__fd(map) >= 0)
			rc = memlock(bpf_map__fd(map), &sum, err);
	}
	for (uint32_t id = 0; id < FL_MAX_SERVICES; id++) {
		for (int half = 0; half < 2 && !rc; half++) {
			if (w->plane->slot_fds[id][half] >= 0)
				rc = memlock(w->plane->slot_fds[id][half], &sum, err);
		}
	}
	if (!rc)
		*bytes = sum;
	return rc;
}

static int share_map(const struct world *w, struct bpf_map *map)
{
	const struct bpf_map *ours =
		bpf_object__find_map_by_name(w->plane->skel->obj, bpf_map__name(map));
	size_t len = 0, our_len = 0;
	const void *data;

	/* The programs in it are the object's own. */
	if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
		return 0;
	if (!bpf_map__is_internal(map))
		return ours ? bpf_map__reuse_fd(map, bpf_map__fd(ours)) : -ENOENT;
	if (!strstr(bpf_map__name(map), ".rodata"))
		return 0;
	/* The gates and other constants that both objects have from the same headers. */
	data = bpf_map__initial_value(w->plane->skel->maps.rodata, &our_len);
	bpf_map__initial_value(map, &len);
	return len == our_len ? bpf_map__set_initial_value(map, data, len) : -EINVAL;
}

/* Has the plane made the map of that name? */
static bool is_made(const struct world *w, const struct bpf_map *map)
{
	const struct bpf_map *theirs =
		bpf_object__find_map_by_name(w->plane->skel->obj, bpf_map__name(map));

	return !theirs || bpf_map__fd(theirs) >= 0;
}

int world__share(const struct world *w, struct bpf_object *obj, struct err *err)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int rc;

	bpf_object__for_each_program(prog, obj)
	{
		bpf_program__set_expected_attach_type(prog, 0);
	}
	bpf_object__for_each_map(map, obj)
	{
		/* Its gates are off in the plane, and so they are here. */
		if (!is_made(w, map)) {
			bpf_map__set_autocreate(map, false);
			continue;
		}
		rc = share_map(w, map);
		if (rc)
			return err__set(err, rc, "cannot give the plane's map '%s' to %s: %s",
					bpf_map__name(map), bpf_object__name(obj), strerror(-rc));
	}
	return 0;
}

const char *world__libbpf_said(void)
{
	return plane_program__warning();
}
