/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - the configuration file as one immutable tree.
 *
 * A struct config is complete and consistent, or it does not exist: config__load() checks every
 * value, fills every default and reports all mistakes at once. The agent never changes a tree; a
 * reload makes a new one and compares.
 */
#ifndef FAIRLEAD_CONFIG_CONFIG_H
#define FAIRLEAD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/alert.h"
#include "config/probe.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/log.h"
#include "fairlead/abi.h"

#define CONFIG_INSTANCE_LEN 32 /* bytes, the closing NUL included */
#define CONFIG_IFNAME_LEN 16 /* IFNAMSIZ */
#define CONFIG_MAX_WEIGHT 65535
#define CONFIG_MAX_PEERS 31 /* 32 machines */
#define CONFIG_PEER_LEN 32 /* bytes of a peer's name, the closing NUL included */
#define CONFIG_MAX_BFD 64 /* sessions */
#define CONFIG_MIN_SNAT_PORTS 1024 /* each CPU needs a part of them */

/* Source prefixes of a whole file. Each scope (instance, service) may need an entry for the rest. */
#define CONFIG_MAX_SOURCES (FL_MAX_SOURCES - FL_MAX_SERVICES)

enum config_forward {
	CONFIG_FWD_L2,
	CONFIG_FWD_IPIP,
	CONFIG_FWD_GUE,
	CONFIG_FWD_NAT,
	CONFIG_FWD_FULLNAT,
};

struct config_backend {
	char id[FL_ID_LEN]; /* unique in its service; default: the address */
	struct addr address;
	uint32_t weight; /* 0..CONFIG_MAX_WEIGHT, default 100; 0: gets no slots */
	uint16_t port; /* nat, fullnat: where its packets go; 0: the port they came for */
	bool backup; /* used when the others do not do */
};

/*
 * Who may send to the instance or to a service; an empty list has no prefixes. No IPv6 prefix holds
 * ::ffff:0:0/96, the IPv4 addresses, and no prefix is there twice.
 */
struct config_sources {
	struct addr_prefix *allow; /* if there are any, all others are denied */
	size_t n_allow;
	struct addr_prefix *deny; /* the longest prefix of both lists decides */
	size_t n_deny;
	bool monitor; /* count what would be denied, drop nothing */
};

/* Limits of a service, a second; 0: none. */
struct config_limits {
	uint32_t packets, connections; /* of the whole service */
	uint32_t source_packets, source_connections; /* of each source (IPv6: each /64) */
	uint32_t burst_ms; /* what may come at once, as time at the rate; 10..10000, default 100 */
	bool monitor; /* count what is over, drop nothing */
};

/* A BFD session: docs/bfd.md. Peer and interface tell one from another. */
struct config_bfd {
	struct addr peer;
	bool has_local;
	struct addr local; /* source address, of the peer's family */
	char interface[CONFIG_IFNAME_LEN]; /* ""; any */
	uint32_t min_tx_ms, min_rx_ms; /* 10..60000, default 300 */
	uint8_t multiplier; /* default 3 */
};

/* Whose probes decide (docs/health.md). */
enum config_quorum { CONFIG_QUORUM_LOCAL, CONFIG_QUORUM_ANY, CONFIG_QUORUM_MAJORITY };

/* What makes of probe results who takes flows; durations in milliseconds. */
struct config_health {
	enum fl_health start; /* of a backend that was never asked; default FL_HEALTH_UNKNOWN */
	uint32_t slow_start_ms; /* 0: none; ..1h */
	uint32_t flap_hold_ms; /* 0: none; ..1h */
	uint32_t flap_hold_max_ms; /* flap_hold_ms..24h, default 5m */
	uint32_t flap_forget_ms; /* 1s..24h, default 10m */
	uint32_t panic_pct; /* 0..100, 0: never */
	enum config_quorum quorum; /* default local; the others need `peers` */
	uint32_t max_new; /* connections a second to a backend; 0: no limit; needs `passive` */
	uint32_t max_flows; /* of a backend; 0: no limit; fullnat */
};

struct config_service {
	char name[FL_NAME_LEN]; /* unique; [A-Za-z0-9._-] */
	struct addr_prefix vip; /* one address (len 128) or a prefix; IPv4 from /8, IPv6 from /16 */
	uint16_t port; /* 1..65535; of a range, the first; 0: any port (then port_last is 65535) */
	uint16_t port_last; /* equal to port but for a range and any port */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	enum config_forward forward; /* default l2 */
	enum fl_affinity affinity; /* default flow */
	uint16_t gue_port; /* UDP port of the backends' tunnel; default 6080 */
	bool echo; /* echo requests to the VIP are answered; default true; equal for equal VIPs */
	uint32_t idle_ms; /* records live this long without a packet; 10s..24h, default 15m */
	uint32_t hold_ms; /* how long a slot that moves keeps its old owner; 1s..4h, default 15m */
	uint32_t down_hold_ms; /* the same if that went down; 10s..4h, default 10s */
	uint32_t udp_grace_ms; /* how long unknown UDP stays with it; 1s..1h, default 30s */
	bool quic; /* its UDP is QUIC */
	bool announce; /* the VIP has a route while the service can serve (docs/anycast.md) */
	uint32_t min_up; /* backends that it needs for that; 1..n_backends, default 1 */
	uint32_t min_up_again; /* once it had fewer: min_up..n_backends, default min_up */
	uint32_t min_up_hold_ms; /* and for how long; ..1h, default 0 */
	bool passive; /* tcp: new connections are watched for an answer (docs/health.md) */
	struct config_sources sources;
	struct config_limits limits;
	struct config_health health;
	enum fl_slot_class slot_class; /* default FL_SLOTS_64K */
	struct config_probe probe;
	struct config_backend *backends; /* n_backends of them, at least 1 */
	size_t n_backends;
};

/* Another agent that this one talks to. */
struct config_peer {
	char name[CONFIG_PEER_LEN]; /* unique */
	struct addr address; /* unique, of the family of config.peer_listen */
};

#define CONFIG_TRACK_COMMANDS 16 /* of a group */

/* A command whose failure costs priority. */
struct config_track_command {
	char name[FL_NAME_LEN]; /* unique in its group */
	struct config_probe probe; /* of the kind exec */
	uint8_t cost; /* 1..254, default 50 */
};

#define CONFIG_TRACK_BGP 16 /* of a group */
#define CONFIG_BGP_SESSION_LEN 65 /* bytes, the closing NUL included; BIRD has names of up to 64 */
#define CONFIG_SOCKET_LEN 108 /* sun_path */

enum config_bgp_daemon { CONFIG_BGP_BIRD, CONFIG_BGP_FRR };

/* A BGP session of a routing daemon on this machine, which costs priority while it is not established. */
struct config_track_bgp {
	enum config_bgp_daemon daemon;
	char session[CONFIG_BGP_SESSION_LEN]; /* BIRD: a protocol; FRR: a neighbour */
	char vrf[CONFIG_IFNAME_LEN]; /* FRR; "": the default one */
	char socket[CONFIG_SOCKET_LEN]; /* where the daemon is asked; default: as Debian has it */
	uint32_t interval_ms; /* 100..3600000, default 1000 */
	uint32_t timeout_ms; /* of an answer; 10..60000, default 1000 */
	uint32_t rise, fall; /* answers in a row; 1..100, default 2 and 3 */
	uint8_t cost; /* 1..254, default 50 */
};

#define CONFIG_VRRP_GROUPS 255 /* of an instance */
#define CONFIG_VRRP_ADDRESSES 64 /* of a group: an IPv6 advert of more does not fit in 1280 bytes */
#define CONFIG_VRRP_PEERS 31

/* A VRRP group: addresses that one of several balancers has (docs/failover.md). */
struct config_vrrp {
	char name[FL_NAME_LEN]; /* unique */
	char interface[CONFIG_IFNAME_LEN];
	uint8_t vrid; /* 1..255, unique on the interface and in the family */
	uint8_t priority; /* 1..255, default 100; 255: the addresses' owner */
	struct addr *addresses; /* n_addresses of them, 1..CONFIG_VRRP_ADDRESSES, of one family */
	size_t n_addresses;
	bool virtual_mac; /* they have the virtual router's MAC address, on a device of its own */
	uint32_t interval_ms; /* 10..40950, a multiple of 10; default 1s */
	bool preempt; /* default true */
	uint32_t preempt_delay_ms; /* 0..1h, default 0 */
	bool has_source;
	struct addr source; /* of adverts; else the interface's own */
	struct addr *peers; /* whom adverts are sent to; none: the multicast group */
	size_t n_peers;
	char sync[FL_NAME_LEN]; /* groups of the same word are active together; "": alone */
	char (*track)[CONFIG_IFNAME_LEN]; /* interfaces that cost priority while they are down */
	size_t n_track;
	uint8_t interface_cost; /* 1..254, of each, default 50 */
	struct addr *track_bfd; /* peers of BFD sessions that cost priority while they are not up */
	size_t n_track_bfd;
	uint8_t bfd_cost; /* 1..254, of each, default 50 */
	struct config_track_command *commands;
	size_t n_commands;
	struct config_track_bgp *bgp;
	size_t n_bgp;
	uint8_t backends_cost; /* 0..254, default 0: when no backend of its services accepts */
	uint8_t min_up_cost; /* 0..254, default 0: when one of them has fewer than min_up */
};

struct config {
	char instance[CONFIG_INSTANCE_LEN]; /* default "main"; names pins and socket */
	char (*interfaces)[CONFIG_IFNAME_LEN]; /* where the program is attached, at least 1 */
	size_t n_interfaces;
	bool xdp_generic; /* xdp_mode: generic; default native */
	bool has_flow_key; /* else the agent makes one and keeps it in the pinned settings */
	uint64_t flow_key[4]; /* 64 hex digits, read as four big-endian words */
	enum fl_agent_loss on_agent_loss; /* default keep */
	uint32_t lease_ms; /* 100..60000, default 1000 */
	char *api_socket; /* default /run/fairlead/<instance>.sock */
	char *api_group; /* group that may use the socket; default "fairlead" */
	struct addr api_listen; /* the unspecified address: all of its family */
	uint16_t api_port;
	bool has_api_listen; /* else there is no TCP listener */
	char *api_token_file; /* NULL: whoever may use the socket may change things */
	enum log_level log_level; /* default info */
	bool has_encap_source4, has_encap_source6; /* else the route's preferred source */
	struct addr_prefix encap_source4; /* outer sources vary inside these prefixes */
	struct addr_prefix encap_source6;
	struct config_sources sources; /* of the whole instance */
	struct addr *snat4, *snat6; /* sources for fullnat, at most FL_SNAT_ADDRS of each */
	size_t n_snat4, n_snat6;
	uint16_t snat_port_first, snat_port_last; /* default 1024..32767 */
	uint32_t flow_event_every; /* one in so many first packets is an event; 0 (default): none */
	uint32_t drop_event_every; /* one in so many drops is one; 0: none; default 1000 */
	bool journal; /* default true */
	char *journal_path; /* default /var/lib/fairlead/<instance>.db */
	uint32_t journal_rows; /* events; 1000..100000000, default 200000 */
	uint32_t journal_mib; /* of its file; 4..1048576, default 64 */
	uint32_t journal_days; /* 1..3660, default 400 */
	struct config_alert *alerts; /* n_alerts, at most CONFIG_MAX_ALERTS */
	size_t n_alerts;
	struct config_peer *peers; /* n_peers, at most CONFIG_MAX_PEERS; 0: what follows is unset */
	size_t n_peers;
	struct addr peer_listen; /* this machine's address towards them */
	uint16_t peer_port; /* of all of them, UDP; default 5390 */
	uint32_t peer_interval_ms; /* of beats; 10..10000, default 100 */
	char *peer_key_file;
	uint32_t anycast_table; /* of the kernel, where VIPs are announced; default 118 */
	struct config_bfd *bfd; /* n_bfd of them, at most CONFIG_MAX_BFD */
	size_t n_bfd;
	struct config_vrrp *vrrp; /* n_vrrp of them; 0: addresses are others' business */
	size_t n_vrrp;
	struct config_service *services; /* n_services of them; 0 is fine */
	size_t n_services;
};

/* One mistake: where (1-based), which value ("services[0].port"), what is wrong with it. */
struct config_problem {
	unsigned int line, column;
	char *text; /* "services[0].port: 70000 is not in 1..65535" */
};

/* All mistakes of one file, in the order of the file; zero-initialise, then __free. */
struct config_problems {
	char *file;
	struct config_problem *list;
	size_t n;
};

/*
 * Reads and checks `path`. 0 and *out, or -errno with `problems` filled (at most 50 of them, then
 * one that says how many more) and *out untouched. -EINVAL: the content is wrong; otherwise the file
 * could not be read, and the one problem says why (its line is 0).
 */
int config__load(const char *path, struct config **out, struct config_problems *problems);

/*
 * The file's text alone, to be parsed by config__parse(). -errno likewise; *text is the caller's to free,
 * and has no NUL.
 */
int config__read(const char *path, char **text, size_t *len, struct config_problems *problems);

/* The same from memory; `name` is what messages call the text. */
int config__parse(const char *name, const char *text, size_t len, struct config **out,
		  struct config_problems *problems);

void config__free(struct config *c);
void config_problems__free(struct config_problems *p);

/*
 * Writes problem i as people read it, "fairlead.yaml:12:9: services[0].port: 70000 is not in
 * 1..65535", to buf; returns buf.
 */
const char *config_problems__format(const struct config_problems *p, size_t i, char *buf,
				    size_t len);

/* Names for people and JSON, as they are written in the file: "l2", "source+port". */
const char *config_forward__name(enum config_forward forward);
const char *config_affinity__name(enum fl_affinity affinity);
/* Whether a group has the VIP of a service among its addresses. */
bool config_vrrp__has(const struct config_vrrp *g, const struct config_service *s);

/* Whether it is that of some group. */
bool config__in_group(const struct config *c, const struct config_service *s);

const char *config_quorum__name(enum config_quorum quorum);
/* Whether it is the same session, whatever it costs and however it is asked for. */
bool config_track_bgp__same(const struct config_track_bgp *a, const struct config_track_bgp *b);

/* "BIRD", "FRR" */
const char *config_bgp_daemon__name(enum config_bgp_daemon daemon);

/* Whether more than one address or port leads to it, so that it is found in `vips` (abi.h). */
bool config_service__wild(const struct config_service *s);

/* Whether its backends get packets with another destination: "nat" and "fullnat". */
bool config_service__translates(const struct config_service *s);

/* The port where a backend of the service is probed, host order; never 0. By `via: path`, of the VIP. */
uint16_t config_service__probe_port(const struct config_service *s, const struct config_backend *b);

/* Whether the lists hold any prefix, so that sources are looked up at all. */
bool config_sources__any(const struct config_sources *s);

/* Whether any of the four rates is limited. */
bool config_limits__any(const struct config_limits *l);

/* The service with that name, or NULL. */
const struct config_service *config__service(const struct config *c, const char *name);

#endif
