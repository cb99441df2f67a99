/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - what checks judge. Reading (read_*.c) and judging (judge_*.c) know of each other only by
 * this: a check is a pure function of these facts, and whatever could not be read says so.
 */
#ifndef FAIRLEAD_DOCTOR_FACTS_H
#define FAIRLEAD_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "net/lookup.h"
#include "plane/seen.h"

#define DOCTOR_NAME 16 /* IFNAMSIZ */
#define DOCTOR_UNKNOWN (-1) /* of numbers that can't be read */

enum doctor_switch {
	DOCTOR_SWITCH_UNKNOWN, /* the device has none, or does not tell */
	DOCTOR_SWITCH_OFF,
	DOCTOR_SWITCH_ON,
};

/* What a device's driver can do with XDP (the kernel's "netdev" family, Linux 6.3). */
#define DOCTOR_XDP_BASIC (1u << 0)
#define DOCTOR_XDP_REDIRECT (1u << 1)
#define DOCTOR_XDP_TARGET (1u << 2) /* takes redirected frames now */
#define DOCTOR_XDP_BUFFERS (1u << 5) /* frames in several buffers */

/* An interface that the configuration names, or by which backends are reached. */
struct doctor_device {
	char name[DOCTOR_NAME];
	bool named; /* in `interfaces`, so the program is to be there */
	bool exists;
	struct net_link link; /* where it exists */
	char driver[32]; /* "": it has none */
	char bus[32];
	bool xdp_known;
	struct plane_seen_xdp xdp;
	bool features_known;
	uint64_t features; /* DOCTOR_XDP_* */

	enum doctor_switch lro, gro_hw, vlan_strip;
	bool carries_vlans; /* VLAN devices are on top of it */
	char peer[DOCTOR_NAME]; /* of a veth: its other end; "": it can't be seen from here */
	enum doctor_switch peer_tx_checksum;

	uint32_t ring, ring_max; /* frames; ring_max 0: not known */
	uint32_t queues, queues_max; /* that receive; 0: not known */
	bool combined; /* they send as well */
	uint32_t spread; /* queues that the table of RSS names; 0: not known */
	uint32_t interrupts; /* of its queues; 0: none are known */
	uint32_t interrupt_cpus; /* that serve them */

	int rp_filter; /* the interface's own; DOCTOR_UNKNOWN */
	int forwarding4, forwarding6;
	int redirects; /* it sends ICMP redirects */
};

/* The way to a backend of a service. */
struct doctor_way {
	const struct config_service *service;
	const struct config_backend *backend;
	int error; /* 0, or the kernel's refusal as -errno */
	struct net_way net;
	const struct doctor_device *device; /* NULL: none */
	const struct doctor_device
		*below; /* of a VLAN device that one tag is enough for; else NULL */
};

/* A device with a virtual router's MAC address (net/vmac.h). */
struct doctor_vmac {
	char name[DOCTOR_NAME];
	uint8_t mac[6];
	char interface[DOCTOR_NAME]; /* that it stands on; "": it can't be seen */
};

/* A destination of alerts of a running agent. */
struct doctor_alerts {
	char name[CONFIG_ALERT_LEN];
	uint64_t fails_s; /* for how long every try has failed; 0: the last one did not */
	uint64_t waiting; /* alerts */
	char error[160]; /* of the last try */
};

/* A peer that a running agent tells of. */
struct doctor_peer {
	char name[CONFIG_PEER_LEN];
	char address[ADDR_STRLEN];
	bool clock_known;
	int64_t skew_ms; /* its clock is so far ahead of this machine's */
};

/* The socket of a routing daemon, by which the agent asks for a BGP session. */
struct doctor_bgp {
	const struct config_track_bgp *session; /* the first one that it is used for */
	int error; /* of a connection from here: 0, or an errno */
	bool shut; /* the agent has not the right to what is said here: */
	char at[CONFIG_SOCKET_LEN]; /* the socket, or a folder on the way */
	unsigned int mode; /* the permissions of that */
	unsigned int gid; /* its group, */
	char group[33]; /* by its name, or its number if it has none */
	bool by_group; /* the members of its group have the right */
};

#define DOCTOR_GROUPS 64

struct doctor_agent {
	char socket[128];
	bool runs;
	char why_not[256]; /* a sentence */
	/* of a running one: */
	char version[32];
	unsigned int abi;
	int pid;
	bool pid_seen; /* its /proc can be read: same machine, enough rights */
	bool other_net; /* it is in another network namespace than we */
	bool realtime;
	uint32_t targets; /* of probes */
	struct doctor_alerts alerts[CONFIG_MAX_ALERTS];
	size_t n_alerts;
	struct doctor_peer peers[CONFIG_MAX_PEERS];
	size_t n_peers;
	bool token; /* changes need one, of api.token_file */
	char token_problem[512]; /* why that can't be used; "": it can */
	uint64_t capabilities; /* effective; meaningful if pid_seen, as what follows */
	unsigned int uid; /* by which it opens files */
	unsigned int gids[DOCTOR_GROUPS]; /* likewise, and its supplementary ones */
	size_t n_gids;
	int64_t files, files_hard; /* limits of open files; DOCTOR_UNKNOWN */
};

struct doctor_feature {
	const char *what, *since;
	bool has;
};

#define DOCTOR_FEATURES 16

struct doctor_kernel {
	char release[65];
	bool may_try; /* this process has the rights that trying takes */
	int btf; /* 0 or -errno */
	struct doctor_feature features[DOCTOR_FEATURES];
	size_t n_features;
	bool shares; /* programs can be replaced by others (BPF_PROG_TYPE_EXT), so the hook can be shared */
	uint32_t cpus; /* online */
	char image[32]; /* the package of this distribution's newest kernel; "": it is not known */
};

struct doctor_facts {
	char version[32]; /* of this program */
	struct doctor_agent agent;
	const char *config_file;
	const struct config *config; /* NULL: it could not be read */
	char config_why[1024];
	bool config_newer; /* the file was written after the agent has read it */
	struct doctor_kernel kernel;
	struct plane_seen plane;
	uint64_t now_ns; /* CLOCK_MONOTONIC */
	bool net_known; /* links and routes could be asked for */
	struct doctor_device *devices;
	size_t n_devices;
	struct doctor_way *ways;
	size_t n_ways;
	struct doctor_bgp *bgp; /* a socket each */
	size_t n_bgp;
	struct doctor_vmac *vmacs;
	size_t n_vmacs;
	int rp_filter_all;
	int forward4, forward6; /* net.ipv4.ip_forward, net.ipv6.conf.all.forwarding */
	int redirects_all;
	int neighbours4, neighbours6; /* gc_thresh3 */
	bool irqbalance; /* it runs */
	bool chrony; /* it runs */
	int clock; /* 1: the kernel's clock is synchronised, 0: it is not, DOCTOR_UNKNOWN */
};

/* The device of that name, or NULL. */
struct doctor_device *doctor_facts__device(const struct doctor_facts *f, const char *name);

#endif
