/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - what the files of plane/ share. */
#ifndef FAIRLEAD_PLANE_INTERNAL_H
#define FAIRLEAD_PLANE_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdarg.h>

#include "lb.skel.h"
#include "plane/records.h"

#define PLANE_BPFFS "/sys/fs/bpf"
#define PLANE_ROOT PLANE_BPFFS "/fairlead"
#define PLANE_PATH_LEN 256
/* Folders of an instance: */
#define PLANE_SLOTS "slots" /* inner maps, <service>_<0|1> */
#define PLANE_MOVES "moves" /* move tables, named by their service's id */
#define PLANE_SEATS "seats" /* arrays of seats, likewise */
#define PLANE_LINKS "links" /* bpf_links of interfaces where the program is alone */
#define PLANE_DISPATCHED "dispatched" /* trampolines of interfaces where it is not */

/* A map of single entries and what it holds, sorted by key: arrays of key and value without a gap. */
struct plane_table {
	const char *name;
	int fd;
	size_t key, value; /* bytes */
	unsigned int max; /* entries that the map has room for */
	void *list;
	size_t n;
};

/* A service's move table. */
struct plane_moves {
	uint32_t *words; /* NULL: it has none */
	int fd;
};

struct plane {
	char instance[32];
	char dir[PLANE_PATH_LEN]; /* PLANE_ROOT/<instance>/v<ABI> */
	int lock_fd; /* the instance's folder, flock()ed */
	bool adopted; /* maps were there before */
	struct plane_gates gates; /* how the loaded program was specialised */
	__u64 flow_key[4]; /* the one in use */
	struct lb_bpf *skel;
	struct lb_bpf
		*copying; /* its programs stand in the place of skel's; NULL: nothing is captured */
	int arm_fd; /* lease_arm, kept open over replacements for the real-time thread */
	int grace_fd; /* an inner map whose insertion waits for a grace period */
	int grace_outer_fd; /* the map it is inserted into */
	int nat_fd; /* `nat_flows`, kept open over replacements for the worker; -1: never had it */
	int nat_sweep_fd; /* `nat_sweep`, likewise */
	int nat_take_fd; /* `nat_take`, likewise; with the gate `peers` */
	/* the mmapable arrays, shared with the program */
	struct fl_service *services; /* FL_MAX_SERVICES */
	struct fl_bucket *index; /* FL_INDEX_BUCKETS */
	struct fl_backend *backends; /* FL_MAX_BACKENDS */
	struct fl_ours *ours; /* one */
	pthread_mutex_t ours_lock; /* of what it is made of: */
	__u64 own[FL_MACS]; /* this machine's MAC addresses, as cells */
	size_t n_own; /* FL_MACS + 1: too many */
	uint16_t virtual_macs[2][256]; /* how often each is claimed: by family and VRID */
	/* inner slot maps of each service in use: fds, -1 otherwise */
	int (*slot_fds)[2]; /* FL_MAX_SERVICES */
	struct plane_moves *moves; /* FL_MAX_SERVICES */
	int moves_fd
		[FL_SLOT_CLASSES]; /* the outer maps, kept open over replacements for the worker */
	int flows_fd, sweep_fd, take_fd; /* `flows`, `flow_sweep` and `flow_take`, likewise */
	__u64 *passive_cells; /* FL_PASSIVE_CELLS, shared with the program; NULL: the gate is off */
	struct fl_passive *passive_counts; /* FL_PASSIVE_COUNTS, likewise */
	struct probe_bpf *probe_skel; /* NULL: nothing is probed by the clients' path */
	uint32_t probe_far; /* ifindex of the device where probes arrive; 0: none */
	struct plane_table vips, nat_back;
	struct btf *seat_btf; /* what a row of seats is; NULL: not needed yet */
	uint32_t service_hint, backend_hint; /* where the search for a free entry goes on */
};

/* ours.c: p->ours is there. */
void plane_ours__init(struct plane *p);

/* open.c */

/* Maps a BPF_F_MMAPABLE array of `size` bytes into memory. */
int plane_open__share(const struct bpf_map *map, size_t size, void **out, struct err *err);
/* Makes those of the instance's folders that are missing, and locks the instance where its lock went with them. */
int plane_open__folders(struct plane *p, struct err *err);

/* pins.c */

/* PLANE_ROOT/<instance>/v<ABI>[/sub[/name]] with dots and percent signs of name encoded. */
int plane_pins__path(char *buf, size_t len, const char *instance, const char *sub,
		     const char *name);
/* The name that such a path's last part stands for; -EINVAL when it is not one of ours. */
int plane_pins__decode(const char *file, char *name, size_t len);
/* mkdir -p below a mounted bpffs; *made tells whether the last folder is new. */
int plane_pins__mkdir(const char *path, bool *made, struct err *err);
/* Removes all files of a folder and the folder. */
int plane_pins__remove_dir(const char *path);
/* Opens and locks the instance's folder, making it if need be. */
int plane_pins__lock(const char *instance, int *fd, bool *made, struct err *err);
/* Is bpffs there? */
int plane_pins__check_bpffs(struct err *err);

/* program.c */

/* Loads the object with its maps at the instance's pins; the caller owns *out. */
int plane_program__load(const struct plane *p, const struct plane_gates *gates, struct lb_bpf **out,
			struct err *err);
/* What a map's pin is called with those gates. */
const char *plane_program__pin_name(const struct bpf_map *map, const struct plane_gates *gates);
/* Gates, flow key and what is made for them, before the object is loaded. */
void plane_program__set_gates(const struct plane *p, const struct plane_gates *gates,
			      struct lb_bpf *skel);
/* What may be called behind the dispatcher, where the hook is shared. */
void plane_program__share_hook(struct lb_bpf *skel);
/* Hands a map of the object the one that is pinned, which is never made: -ENOENT. */
int plane_program__share_map(const struct plane *p, struct bpf_map *map, struct err *err);
/* The first warning that libbpf or libxdp printed in this thread since they were forgotten; "" if none. */
const char *plane_program__warning(void);
void plane_program__keep_warning(const char *fmt, va_list ap);
void plane_program__forget_warning(void);

/* preflight.c */

/*
 * Sets libbpf's print function and looks for what BPF needs at all. -ENOTSUP: the kernel lacks BTF or
 * a feature; -EPERM: the process lacks a capability.
 */
int plane_preflight__check(struct err *err);

/* attach.c */

/* The loaded program where packets begin: its fd. */
int plane_attach__entry(const struct plane *p);
/* Puts it on all pinned links. */
int plane_attach__replace_all(struct plane *p, struct err *err);

/* dispatch.c: sharing the hook through libxdp's dispatcher */

/* Does this kernel let a program replace a function of another (BPF_PROG_TYPE_EXT)? */
bool plane_dispatch__possible(void);
/* Makes the trampoline's program array call the loaded program. */
int plane_dispatch__point(struct plane *p, struct err *err);
/* Attaches the trampoline to an interface, alone or beside others. */
int plane_dispatch__attach(struct plane *p, const char *ifname, uint32_t ifindex, bool generic,
			   struct err *err);
/* Removes the instance's trampoline from an interface, if it is there, and its pin. */
void plane_dispatch__detach(const char *instance, const char *ifname);
/* Is the instance's trampoline on that interface? */
bool plane_dispatch__attached(const char *instance, uint32_t ifindex);

/* nat_flows.c */

/* Keeps the records' map open for the worker, once a program has it. */
int plane_nat__keep(struct plane *p, struct err *err);

/* probe.c */

/* Gives the device where probes arrive the program that is loaded now. */
int plane_probe__replace(struct plane *p, struct err *err);
/* Takes no more answers that come in by an interface. */
void plane_probe__ignore(const char *instance, const char *ifname);

/* capture.c */

/* Where the programs that copy find each other: a pin, so that it outlives the agent with them. */
int plane_capture__path(const struct plane *p, char path[PLANE_PATH_LEN]);

/* events.c: a ring buffer whose samples have so many bytes at least */
int plane_ring__open(const struct bpf_map *map, size_t least, plane_ring_cb *cb, void *ctx,
		     struct plane_ring **out, struct err *err);

/* passive.c */

/* Shares the maps while the gate is open; lets go of them otherwise. */
int plane_passive__keep(struct plane *p, struct err *err);
void plane_passive__close(struct plane *p);
/* An entry of `passive_count` begins at zero. */
void plane_passive__zero(struct plane *p, uint32_t at);

/* sync.c */

/* Makes `want`, an array like t->list, the map's content; on failure it is what it was. */
int plane_table__apply(struct plane_table *t, const void *want, size_t n, struct err *err);
/* Takes over what the map holds. */
int plane_table__read(struct plane_table *t, struct err *err);
void plane_table__free(struct plane_table *t);

/* dispatcher.c */

/* Around calls of libxdp that build a dispatcher: it finds ours. Where that fails, its own. */
void plane_dispatcher__offer(void);
void plane_dispatcher__withdraw(void);

/* memory.c */

/* Sets a counter to zero on all CPUs. */
void plane_memory__zero(struct plane *p, enum plane_counter kind, uint32_t index);

/* slots.c */

/* Where a service's table is pinned; buf has PLANE_PATH_LEN bytes. */
void plane_slots__path(const struct plane *p, uint32_t id, int half, char *buf);
/* Makes, pins and installs a service's two inner maps. */
int plane_slots__make(struct plane *p, uint32_t id, enum fl_slot_class slot_class, struct err *err);
/* Opens the pinned inner maps of a service that was adopted. */
int plane_slots__adopt(struct plane *p, uint32_t id, enum fl_slot_class slot_class,
		       struct err *err);
void plane_slots__free(struct plane *p, uint32_t id, enum fl_slot_class slot_class);
/* Out of the outer maps, whatever class the id's tables were of; pins stay. */
void plane_slots__forget(struct plane *p, uint32_t id);
/* A new map like the inner ones that `outer` is made for, of one element of `size` bytes: its fd. */
int plane_slots__inner(const struct plane *p, const struct bpf_map *outer, const char *name,
		       uint32_t size, uint32_t flags);

/* moves.c */

/* Where a service's move table is pinned; buf has PLANE_PATH_LEN bytes. */
void plane_moves__path(const struct plane *p, uint32_t id, char *buf);
/* Keeps open what the worker needs. */
int plane_moves__open(struct plane *p, struct err *err);
/* Takes over the move table of a service that was adopted, if it has one. */
int plane_moves__adopt(struct plane *p, uint32_t id, enum fl_slot_class slot_class,
		       struct err *err);
void plane_moves__free(struct plane *p, uint32_t id, enum fl_slot_class slot_class);
/* Lets go of all of them; they stay. */
void plane_moves__close(struct plane *p);

/* seats.c */

void plane_seats__free(struct plane *p, uint32_t id);

/* leftovers.c: frees what is pinned for services that there are not; the maps must be open. */
void plane_leftovers__sweep(struct plane *p);

/* pass.c */

/* Looks at one entry. 0 or -errno, which ends the slice. */
typedef int plane_pass_cb(void *ctx, const void *key, const void *value, uint32_t now_s);

/*
 * Looks at the next part of a hash map's entries, of at most PLANE_KEY and PLANE_VALUE bytes, so that
 * calls once a second see all of them in about period_s. At most about 50 ms. *ended: that was the last
 * part.
 */
#define PLANE_KEY 40
#define PLANE_VALUE 48
int plane_pass__slice(int fd, struct plane_pass *pass, uint32_t period_s, plane_pass_cb *each,
		      void *ctx, bool *ended);

#endif
