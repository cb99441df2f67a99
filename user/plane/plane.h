/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane.h - the data plane as the agent handles it: programs, links, maps, pins.
 *
 * Everything is pinned under /sys/fs/bpf/fairlead/<instance>/v<FL_ABI_VERSION>/ and outlives the
 * agent; opening the plane adopts what is there. The agent decides what the maps say, the plane
 * knows how it is said without a packet ever reading half of it:
 *
 *   - entries of `services` and `backends` are written before they can be found and reused only
 *     after plane__grace();
 *   - a slot table is written to the idle one of the service's two inner maps, then one aligned
 *     store makes it live; the table just left may be written again only after plane__grace().
 *
 * All functions belong to the loop's thread except plane__grace() and plane__moves_install() (the worker's), and those
 * that say so (any thread's). What is done with records of connections: plane/records.h.
 */
#ifndef FAIRLEAD_PLANE_PLANE_H
#define FAIRLEAD_PLANE_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"
#include "fairlead/abi.h"
#include "plane/nat_back.h"
#include "plane/vips.h"

/*
 * What drivers with native XDP carry in one page, headroom and the kernel's own part taken off: 3498
 * bytes (mlx5) to 3506 (veth). Beyond it they want a program that knows of frames in several buffers.
 */
#define PLANE_PAGE_MTU 3498

struct plane;

/* Features of the program: what is off is not in its code. See bpf/gates.h. */
struct plane_gates {
	bool lease; /* on_agent_loss is not keep */
	bool wild; /* some service has a range of ports, any port or a prefix */
	bool sources; /* there are source lists */
	bool limits; /* some service has limits */
	bool nat; /* some service forwards by nat or fullnat */
	bool jumbo; /* some interface takes frames larger than a page */
	bool events; /* first packets of flows become events */
	bool passive; /* some service's new connections are watched for an answer */
	bool path; /* some service is probed by the clients' path */
	bool peers; /* records that are made are told to peers */
	bool capture; /* for plane__capture_load() only: packets are copied */
	bool explain; /* for plane__explain() only: writes to no map that others have */
};

struct plane_options {
	const char *instance;
	struct plane_gates gates;
	bool has_flow_key; /* else the pinned key is kept, or a random one made */
	uint64_t flow_key[4];
	enum fl_agent_loss on_agent_loss;
	uint32_t lease_ms;
	uint32_t flow_event_every; /* one in so many first packets becomes an event; 0: none */
	uint32_t drop_event_every; /* one in so many drops */
};

/* How the program sits on an interface. */
struct plane_link {
	char ifname[16];
	uint32_t ifindex;
	bool native; /* false: generic, in the stack and much slower */
	bool dispatched; /* shares the hook through libxdp's dispatcher */
	int fd; /* the bpf_link, which holds the program without its pin, too; -1: none, or dispatched */
	/* the owner's: */
	bool up; /* when it was looked at last */
	unsigned int off_ticks; /* how often in a row the program was not there */
};

/*
 * Locks the instance, loads the programs, adopts or makes the maps. Nothing is attached yet and, on
 * failure, nothing new stays behind. -EBUSY: another agent runs; -EPERM: a capability is missing;
 * -ENOTSUP: no bpffs, no BTF, or a kernel that is too old; other errno from the kernel.
 */
int plane__open(const struct plane_options *o, struct plane **out, struct err *err);

/* Lets go of everything and leaves pins and links as they are: traffic goes on. */
void plane__close(struct plane *p);

/* Detaches the instance's program everywhere and removes its pins. -EBUSY while an agent runs. */
int plane__remove(const char *instance, struct err *err);

/* True when the maps were there already: the agent must adopt their content. */
bool plane__adopted(const struct plane *p);

/* Undoes a first start that failed later on: removes links and pins unless they were adopted. */
void plane__rollback(struct plane *p);

/*
 * Settings of a reload. When the choice of gates changes, the program is replaced in place on all
 * links. -EINVAL when flow_key differs from the one in use.
 */
int plane__configure(struct plane *p, const struct plane_options *o, struct err *err);

/*
 * Removes the pins of maps that the present program does without, and with them their memory. To be
 * called once the program is attached everywhere.
 */
void plane__drop_unused(struct plane *p);

/*
 * Attaches the program to an interface, or replaces the one that an earlier agent left there.
 * *warning: why generic mode was taken although native was asked for; "" otherwise. *out: what an earlier
 * call has filled, whose ifname may be handed in, or zeroes with an fd of -1.
 */
int plane__attach(struct plane *p, const char *ifname, bool generic, struct plane_link *out,
		  struct err *warning, struct err *err);

/* Is the program where it was put? Where that cannot be found out, it is. */
bool plane_link__sits(const struct plane *p, const struct plane_link *l);

/*
 * Makes pins again that somebody has removed: of all maps but the seats; and of a link, without which the program would
 * go off its interface with this agent. How many; -errno.
 */
int plane__keep(struct plane *p, struct err *err);
int plane_link__keep(struct plane *p, const struct plane_link *l, struct err *err);

/* Lets go of it; the program stays on the interface as long as it is pinned. */
void plane_link__close(struct plane_link *l);

/* Detaches from an interface that an earlier configuration named; no error if it was not attached. */
void plane__detach(struct plane *p, const char *ifname);

/* Names of all interfaces with a pinned link of this instance; frees with free(). */
int plane__attached(struct plane *p, char (**names)[16], size_t *n);

/* Waits until no packet uses what was replaced before the call (15-27 ms). Worker thread. */
int plane__grace(struct plane *p, struct err *err);

/* Renews the lease. Any thread. 0 or -errno. */
int plane__lease_renew(struct plane *p);

/* The lease as the program sees it. */
int plane__lease(const struct plane *p, struct fl_lease *out);

/* --- what this machine answers for ------------------------------------------------------------- */

/*
 * The MAC addresses that frames for this machine are sent to; what was there before and is there again is
 * found all the time. With none, or with more than FL_MACS, every frame is taken for ours: false says that
 * they were too many.
 */
bool plane__macs(struct plane *p, const uint8_t (*macs)[6], size_t n);

/*
 * The virtual router's MAC address (RFC 9568 7.3: 00:00:5e:00:01 or 02, and the VRID) is one of them from
 * now on, or no longer. Counted: it is as long as any group has it. Any thread; it waits for plane__macs()
 * at most, which takes microseconds. Where they are too many with it, the next plane__macs() says so.
 */
void plane__virtual_mac(struct plane *p, const uint8_t mac[6], bool ours);

/*
 * Whether a lapse of the lease makes the tables stale for the VIPs of VRRP groups (FL_SVC_GROUP): from the
 * first group on, until the agent takes its leave. Any thread, and so the next two.
 */
void plane__groups(struct plane *p, bool any);

/* Whether they are: nothing is steered to backends of these VIPs then. */
void plane__stale(struct plane *p, bool stale);
bool plane__is_stale(const struct plane *p);

/* --- services ---------------------------------------------------------------------------------- */

/* The entry of a service id, NULL when it is not in use. */
const struct fl_service *plane__service(const struct plane *p, uint32_t id);

struct plane_service {
	struct fl_service_key key;
	uint16_t port_last; /* host order; that of key but for a range (any port: 65535) */
	const char *name;
	enum fl_slot_class slot_class;
	uint32_t flags; /* FL_SVC_* */
};

/* What may change while packets find the service. */
struct plane_tune {
	enum fl_affinity affinity;
	uint32_t idle_s;
	uint16_t udp_grace_s;
	bool quic;
};

/*
 * Makes a service with two slot tables that send nothing anywhere; no packet finds it yet. -ENOSPC:
 * `services` is full.
 */
int plane__service_new(struct plane *p, const struct plane_service *s, uint32_t *id,
		       struct err *err);

/* Each field is one store. */
void plane__service_tune(struct plane *p, uint32_t id, const struct plane_tune *t);

/* Sets and clears bits of fl_service.flags, by one store; a service that is not in use has none. */
void plane__service_flags(struct plane *p, uint32_t id, uint32_t set, uint32_t clear);

/*
 * Lets packets find a service of one address and one port, in place of the one that had the same key.
 * -ENOSPC: its bucket is full. Others are found through plane__vips().
 */
int plane__service_publish(struct plane *p, uint32_t id, struct err *err);

/*
 * Makes `want`, as vips__build() gives it, the content of `vips`: services of a range of ports, any
 * port or a prefix are found from then on, and those it does not name no longer. On failure the
 * content is what it was.
 */
int plane__vips(struct plane *p, const struct vip_entry *want, size_t n, struct err *err);

/* No packet finds it from now on. Release it after a grace period. */
void plane__service_withdraw(struct plane *p, uint32_t id);

/* Frees the id and its slot tables. */
void plane__service_release(struct plane *p, uint32_t id);

/* True when packets find the service (adoption: a start that was cut short leaves some unfound). */
bool plane__service_published(const struct plane *p, uint32_t id);

/* The key that decides every flow's slot, four words. */
const uint64_t *plane__flow_key(const struct plane *p);

/* Number of slots of a class. */
uint32_t plane__slots(enum fl_slot_class slot_class);

/* Writes the idle slot table: as packets read it (abi.h), one value per slot. */
int plane__slots_write(struct plane *p, uint32_t id, const uint16_t *slots, struct err *err);

/* Makes the idle table the live one: one store. */
void plane__slots_swap(struct plane *p, uint32_t id);

/* Reads the live table. */
int plane__slots_read(const struct plane *p, uint32_t id, uint16_t *slots, struct err *err);

/*
 * The service's move table, shared with the program, or NULL; words are stored by the rules of
 * move/move.h.
 */
uint32_t *plane__moves(const struct plane *p, uint32_t id);

/* Makes it if there is none. No slot may become dirty before it is installed, too. */
int plane__moves_make(struct plane *p, uint32_t id, struct err *err);

/* Lets packets find those of n services. Worker thread; takes a grace period or more. */
int plane__moves_install(struct plane *p, const uint32_t *ids, uint32_t n, struct err *err);

/* Whether, and when, moving slots had too many connections to remember. */
int plane__pressure(const struct plane *p, struct fl_pressure *out);

/* --- backends ---------------------------------------------------------------------------------- */

struct plane_backend {
	const char *id;
	struct addr address;
	enum fl_forward mode;
	struct addr source; /* outer source; ignored for L2 */
	uint8_t source_len; /* its first bits are fixed, the rest follows the flow; 128: one address */
	uint16_t port; /* NAT: the backend's, 0: the packet's; GUE: the tunnel's; else 0 */
};

/* The entry that says so, without what changes in place (next hop, flags): what entries share. */
struct fl_backend plane_backend__entry(const struct plane_backend *b);

/* The entry of an index, NULL when it is not in use. */
const struct fl_backend *plane__backend(const struct plane *p, uint32_t index);

/* Makes an entry without a next hop. -ENOSPC: `backends` is full. */
int plane__backend_new(struct plane *p, const struct fl_backend *entry, uint32_t *index,
		       struct err *err);

/* Sets or clears FL_BE_* bits of an entry: one store. */
void plane__backend_flag(struct plane *p, uint32_t index, uint8_t flag, bool on);

/* Next hop of an entry (ifindex 0: none). One call per grace period and entry. */
int plane__backend_hop(struct plane *p, uint32_t index, const struct fl_hop *hop, struct err *err);

/* Frees an index that no slot table has named for a grace period. */
void plane__backend_release(struct plane *p, uint32_t index);

/* --- ports -------------------------------------------------------------------------------------- */

/* Lets packets leave by an interface that they did not come in by. */
int plane__port_add(struct plane *p, uint32_t ifindex, struct err *err);

/* How frames leave for a VLAN device: by the device below, with its tag. */
int plane__vlan_set(struct plane *p, uint32_t ifindex, uint32_t lower, uint16_t id,
		    struct err *err);

/* It is none, or none any more. (The kernel itself takes what is gone out of `tx_ports`.) */
void plane__vlan_forget(struct plane *p, uint32_t ifindex);

/* --- NAT ---------------------------------------------------------------------------------------- */

/* Makes `want`, as nat_back__build() gives it, the content of `nat_back`, or leaves it as it was. */
int plane__nat_back(struct plane *p, const struct nat_entry *want, size_t n, struct err *err);

/* The entry of an endpoint as it is in the map, NULL: none. */
const struct fl_nat_back *plane__nat_name(const struct plane *p, const struct fl_endpoint *e);

/* Source addresses and ports of full NAT; host order ports; n4, n6 up to FL_SNAT_ADDRS. */
struct plane_snat {
	const struct addr *addrs4, *addrs6;
	size_t n4, n6;
	uint16_t port_first, port_last;
};

int plane__snat(struct plane *p, const struct plane_snat *snat, struct err *err);

/* --- source lists and limits --------------------------------------------------------------------- */

struct plane_source {
	struct fl_source_key key;
	uint32_t flags; /* FL_SRC_* */
};

/* All entries of `sources`, in no order; frees with free(). */
int plane__sources(const struct plane *p, struct plane_source **out, size_t *n, struct err *err);

/* Adds or changes entries, in their order. -ENOSPC: the map is full; what came before it is done. */
int plane__sources_set(struct plane *p, const struct plane_source *list, size_t n, struct err *err);

/* Removes entries, in their order; those that are not there are passed over. */
void plane__sources_delete(struct plane *p, const struct plane_source *list, size_t n);

/*
 * Limits of a service, as the program meters them from the next packet on; they count only where the
 * service has FL_SVC_LIMITS.
 */
int plane__limits_set(struct plane *p, uint32_t id, const struct fl_limits *l, struct err *err);

/* --- probes by the clients' path ------------------------------------------------------------------ */

/* 0..4095, of an instance's name: what tells its devices and addresses from another's. */
uint16_t plane__instance_number(const char *instance);

/*
 * With the gate `path` open: forwards what arrives at the device `far`, for stand-ins, of which there is
 * none yet; answers will be handed in by `near`. The device goes with its pair, the program with it.
 */
int plane__probe_open(struct plane *p, uint32_t near, uint32_t far, struct err *err);
void plane__probe_close(struct plane *p);

/* Takes answers that come in by an interface; or no longer. */
int plane__probe_listen(struct plane *p, uint32_t ifindex, struct err *err);
void plane__probe_ignore(struct plane *p, const char *ifname);

/* What is sent to the stand-in goes to the VIP of the service, by way of that backend. */
int plane__probe_set(struct plane *p, const struct addr *stand_in, const struct addr *vip,
		     uint32_t service, uint32_t backend, struct err *err);
void plane__probe_forget(struct plane *p, const struct addr *stand_in);

/* --- passive detection ---------------------------------------------------------------------------- */

/* What was counted of an entry of `backends`; all zero while the gate `passive` is off. */
struct fl_passive plane__passive(const struct plane *p, uint32_t index);

/* New connections to a service, modulo 2^32. */
uint32_t plane__passive_opened(const struct plane *p, uint32_t id);

/* fl_service.sampled and .watched (abi.h), out of FL_PASSIVE_ALL; watched >= sampled. */
void plane__passive_sample(struct plane *p, uint32_t id, uint32_t sampled, uint32_t watched);

/*
 * Counts SYNs that have had no answer in time as incomplete. Returns the time that it went by:
 * CLOCK_MONOTONIC_COARSE in ms, modulo 2^32.
 */
uint32_t plane__passive_sweep(struct plane *p);

/* --- members: what a restart must know ---------------------------------------------------------- */

int plane__member_set(struct plane *p, uint32_t service, uint32_t backend,
		      const struct fl_member *m, struct err *err);
void plane__member_delete(struct plane *p, uint32_t service, uint32_t backend);

/* Calls `each` for all members. */
int plane__members(const struct plane *p,
		   void (*each)(void *ctx, const struct fl_member_key *k,
				const struct fl_member *m),
		   void *ctx);

/* --- seats: over what the next agent is to compute a service's table ---------------------------- */

/*
 * Writes a service's seats, and their epoch, beside those that it has. They come to be with
 * plane__seats_commit(), or go with plane__seats_drop().
 */
int plane__seats_stage(struct plane *p, uint32_t id, const struct fl_seat *rows, size_t n,
		       uint32_t epoch, struct err *err);
int plane__seats_commit(struct plane *p, uint32_t id, struct err *err);
void plane__seats_drop(struct plane *p, uint32_t id);

/*
 * A copy of a service's seats, as yet unchecked, and their epoch; frees with free(). -ENOENT, without a sentence: it has
 * none; -EINVAL: what is pinned there are no seats.
 */
int plane__seats_read(const struct plane *p, uint32_t id, struct fl_seat **out, size_t *n,
		      uint32_t *epoch, struct err *err);

/* --- explaining --------------------------------------------------------------------------------- */

/*
 * The programs once more, attached nowhere: they read the live maps, write to none of them, and tell what
 * would become of a packet.
 */
struct plane_explain;

/* The gates of the programs that packets meet now, and whether these are they. */
struct plane_gates plane__gates(const struct plane *p);
bool plane__gates_are(const struct plane *p, const struct plane_gates *gates);

/* Loads them with those gates, over the instance's pins. Worker thread; takes tens of milliseconds. */
int plane__explain_load(const struct plane *p, struct plane_gates gates, struct plane_explain **out,
			struct err *err);
void plane__explain_free(struct plane_explain *e);

#define PLANE_FRAME_MAX 16384 /* bytes of a frame that is explained, and of what it becomes */

struct plane_explained {
	struct fl_explained told;
	uint32_t action; /* enum xdp_action */
	uint32_t len; /* bytes of `frame` */
	uint8_t frame[PLANE_FRAME_MAX]; /* as it would leave */
};

/*
 * What would become of a frame that comes in by an interface. -EINVAL: the kernel takes no such frame
 * for a test run; -EBADMSG: the straight way and the steps do not agree about it.
 */
int plane__explain(struct plane_explain *e, uint32_t ifindex, const uint8_t *frame, uint32_t len,
		   struct plane_explained *out, struct err *err);

/* Records of a connection; false: there is none. */
bool plane__flow(const struct plane *p, const struct fl_flow_key *k, struct fl_flow *out);
bool plane__tentative(const struct plane *p, const struct fl_flow_key *k, struct fl_tentative *out);
bool plane__nat_flow(const struct plane *p, const struct fl_nat_key *k, struct fl_nat_flow *out);

/* --- counters ----------------------------------------------------------------------------------- */

enum plane_counter { PLANE_SERVICE, PLANE_BACKEND, PLANE_VERDICT, PLANE_NOTE };

/* Sum over the CPUs of one counter. */
int plane__count(const struct plane *p, enum plane_counter kind, uint32_t index,
		 struct fl_count *out);

/* --- capture -------------------------------------------------------------------------------------- */

/* The programs once more, with the gate `capture`: on the live maps, and their own entry. */
struct plane_capture;

/* Loads them with those gates, over the instance's pins. Worker thread; takes tens of milliseconds. */
int plane__capture_load(const struct plane *p, struct plane_gates gates, struct plane_capture **out,
			struct err *err);
/*
 * Puts them in the place of those that packets meet, and back. A change of gates puts them out of it, too.
 */
int plane__capture_attach(struct plane *p, struct plane_capture *c, struct err *err);
int plane__capture_detach(struct plane *p, struct plane_capture *c, struct err *err);
bool plane__capture_attached(const struct plane *p, const struct plane_capture *c);
/* Detached, and after a grace period: no packet is in them any more. NULL is fine. */
void plane__capture_free(struct plane_capture *c);

/* Which packets are copied from now on; at first none is. */
int plane__capture_set(struct plane_capture *c, const struct fl_capture *what, struct err *err);

/* Since they were loaded, all CPUs together. */
struct plane_capture_counts {
	uint64_t seen, skipped, lost; /* as in struct fl_caught */
};
int plane__capture_counts(const struct plane_capture *c, struct plane_capture_counts *out);

/* --- ring buffers -------------------------------------------------------------------------------- */

enum plane_ring_kind {
	PLANE_EVENTS, /* of struct fl_event */
	PLANE_TOLD, /* of struct fl_told; only while the gate `peers` is on */
};

struct plane_ring;

typedef void plane_ring_cb(void *ctx, const void *sample, size_t size);

int plane__ring_open(struct plane *p, enum plane_ring_kind kind, plane_ring_cb *cb, void *ctx,
		     struct plane_ring **out, struct err *err);
/* That of captured packets: of struct fl_captured and its bytes. */
int plane__ring_open_captured(struct plane_capture *c, plane_ring_cb *cb, void *ctx,
			      struct plane_ring **out, struct err *err);
/* NULL is fine. */
void plane__ring_close(struct plane_ring *e);

/* Readable while there are samples. */
int plane__ring_fd(const struct plane_ring *e);

/* Calls back for at most `most` (> 0) samples; true: there may be more. */
bool plane__ring_take(struct plane_ring *e, uint32_t most);

#endif
