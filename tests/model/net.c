/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MTU 1500
#define SMALL_MTU4 1000
#define SMALL_MTU6 1300
#define NEIGHS 24
#define VLAN 77

static const char *const names[NET_PORTS] = {"lo", "port-a", "port-b", "port-c", "vlan-b"};

/* Filled by net__make(); without it, what a golden frame is made with. */
static uint32_t ifindex[NET_PORTS] = {1, 2, 3, 4, 5};

static const uint8_t nets4[NET_CLIENTS][4] = {
	[NET_GATEWAY_A] = {198, 18},   [NET_GATEWAY_B] = {198, 19},  [NET_LINK] = {198, 51, 100, 0},
	[NET_SMALL_MTU] = {100, 68},   [NET_OTHER_PORT] = {100, 69}, [NET_UNREACHABLE] = {100, 66},
	[NET_BLACKHOLE] = {100, 67},   [NET_LOCAL] = {100, 70},	     [NET_NO_ROUTE] = {100, 71},
	[NET_BEHIND_VLAN] = {100, 72},
};

/* Third 16 bits of 2001:db8:N::/48. */
static const uint16_t nets6[NET_CLIENTS] = {
	[NET_GATEWAY_A] = 0x200,  [NET_GATEWAY_B] = 0x201, [NET_LINK] = 0x100,
	[NET_SMALL_MTU] = 0x68,	  [NET_OTHER_PORT] = 0x69, [NET_UNREACHABLE] = 0x66,
	[NET_BLACKHOLE] = 0x67,	  [NET_LOCAL] = 0x70,	   [NET_NO_ROUTE] = 0x71,
	[NET_BEHIND_VLAN] = 0x74,
};

void net__client(enum net_client kind, uint8_t version, uint16_t host, uint8_t out[16])
{
	uint8_t v4[4];

	if (version == 4) {
		memcpy(v4, nets4[kind], 4);
		v4[3] = (uint8_t)host;
		if (kind != NET_LINK)
			v4[2] = (uint8_t)(host >> 8);
		addr_map4(out, v4);
		return;
	}
	memset(out, 0, 16);
	put32(out, 0x20010db8);
	put16(out + 4, nets6[kind]);
	put16(out + 14, host);
}

static void port_mac(int port, uint8_t mac[6])
{
	memset(mac, 0, 6);
	if (port != NET_LO) {
		mac[0] = 2;
		mac[4] = 0xee;
		mac[5] = (uint8_t)port;
	}
}

static void gateway(int port, uint8_t version, uint8_t out[16])
{
	if (version == 4) {
		addr_map4(out, (uint8_t[4]){198, 51, (uint8_t)(99 + port), 254});
		return;
	}
	memset(out, 0, 16);
	put32(out, 0x20010db8);
	put16(out + 4, (uint32_t)(0xff + port));
	out[15] = 0xfe;
}

static void add_route(struct world *w, enum net_client kind, uint8_t version, struct route r,
		      int port)
{
	struct route *to = &w->routes[w->n_routes++];

	*to = r;
	net__client(kind, version, 0, to->addr);
	to->prefix = version == 4 ? 96 + 16 : 48;
	to->ifindex = ifindex[port];
	if (!to->mtu)
		to->mtu = MTU;
	if (to->kind == ROUTE_GATEWAY)
		gateway(port, version, to->gateway);
}

static void add_neigh(struct world *w, const uint8_t addr[16], int port, uint16_t host)
{
	struct neigh *n = &w->neighs[w->n_neighs++];

	memcpy(n->addr, addr, 16);
	n->mac[0] = 2;
	put16(n->mac + 2, host);
	n->mac[4] = 0xcc;
	n->mac[5] = (uint8_t)port;
	n->ifindex = ifindex[port];
}

void net__describe(struct world *w)
{
	uint8_t addr[16];

	for (int i = 0; i < NET_PORTS; i++) {
		w->ports[i].ifindex = ifindex[i];
		w->ports[i].tx = i == NET_A || i == NET_B;
		port_mac(i, w->ports[i].mac);
	}
	w->ports[NET_VLAN].below = ifindex[NET_B];
	w->ports[NET_VLAN].vlan = FL_HOP_TAG | VLAN;
	w->n_ports = NET_PORTS;
	for (uint8_t v = 4; v <= 6; v += 2) {
		const struct route by_gateway = {.kind = ROUTE_GATEWAY};
		const struct route small = {.kind = ROUTE_GATEWAY,
					    .mtu = v == 4 ? SMALL_MTU4 : SMALL_MTU6};

		add_route(w, NET_GATEWAY_A, v, by_gateway, NET_A);
		add_route(w, NET_GATEWAY_B, v, by_gateway, NET_B);
		add_route(w, NET_SMALL_MTU, v, small, NET_A);
		add_route(w, NET_OTHER_PORT, v, by_gateway, NET_C);
		add_route(w, NET_BEHIND_VLAN, v, by_gateway, NET_VLAN);
		for (int port = NET_A; port <= NET_VLAN; port++) {
			gateway(port, v, addr);
			add_neigh(w, addr, port, 0xfe);
			w->routes[w->n_routes] = (struct route){.kind = ROUTE_LINK,
								.prefix = v == 4 ? 96 + 24 : 48,
								.ifindex = ifindex[port],
								.mtu = MTU};
			memcpy(w->routes[w->n_routes++].addr, addr, 16);
		}
		for (uint16_t host = 1; host <= NEIGHS; host++) {
			net__client(NET_LINK, v, host, addr);
			add_neigh(w, addr, NET_A, host);
		}
	}
}

static void script_family(FILE *f, int v)
{
	for (unsigned int port = NET_A; port <= NET_VLAN; port++) {
		if (v == 4) {
			fprintf(f, "route add 198.51.%u.0/24 dev %s\n", 99 + port, names[port]);
			fprintf(f, "neigh add 198.51.%u.254 lladdr 02:00:00:fe:cc:%02x dev %s\n",
				99 + port, port, names[port]);
		} else {
			fprintf(f, "route add 2001:db8:%x::/48 dev %s\n", 0xff + port, names[port]);
			fprintf(f, "neigh add 2001:db8:%x::fe lladdr 02:00:00:fe:cc:%02x dev %s\n",
				0xff + port, port, names[port]);
		}
	}
	for (unsigned int host = 1; host <= NEIGHS; host++)
		fprintf(f,
			v == 4 ? "neigh add 198.51.100.%u lladdr 02:00:00:%02x:cc:01 dev port-a\n"
			       : "neigh add 2001:db8:100::%x lladdr 02:00:00:%02x:cc:01 dev port-a\n",
			host, host);
}

static void script(FILE *f)
{
	for (unsigned int port = NET_A; port <= NET_VLAN; port++) {
		const char *name = names[port];

		fprintf(f,
			"link add name %s address 02:00:00:00:ee:%02x type veth peer name %s-peer\n",
			name, port, name);
		fprintf(f, "link set %s addrgenmode none\nlink set %s-peer addrgenmode none\n",
			name, name);
		fprintf(f, "link set %s up\nlink set %s-peer up\n", name, name);
	}
	fprintf(f, "link set lo up\n");
	script_family(f, 4);
	script_family(f, 6);
	fprintf(f,
		"route add 198.18.0.0/16 via 198.51.100.254 dev port-a onlink\n"
		"route add 198.19.0.0/16 via 198.51.101.254 dev port-b onlink\n"
		"route add 100.68.0.0/16 via 198.51.100.254 dev port-a onlink mtu lock %d\n"
		"route add 100.69.0.0/16 via 198.51.102.254 dev port-c onlink\n"
		"route add 100.72.0.0/16 via 198.51.103.254 dev vlan-b onlink\n"
		"route add unreachable 100.66.0.0/16\n"
		"route add blackhole 100.67.0.0/16\n"
		"addr add 100.70.0.1/32 dev lo\n",
		SMALL_MTU4);
	fprintf(f,
		"route add 2001:db8:200::/48 via 2001:db8:100::fe dev port-a onlink\n"
		"route add 2001:db8:201::/48 via 2001:db8:101::fe dev port-b onlink\n"
		"route add 2001:db8:68::/48 via 2001:db8:100::fe dev port-a onlink mtu lock %d\n"
		"route add 2001:db8:69::/48 via 2001:db8:102::fe dev port-c onlink\n"
		"route add 2001:db8:74::/48 via 2001:db8:103::fe dev vlan-b onlink\n"
		"route add unreachable 2001:db8:66::/48\n"
		"route add blackhole 2001:db8:67::/48\n"
		"addr add 2001:db8:70::1/128 dev lo nodad\n",
		SMALL_MTU6);
}

/* bpf_fib_lookup() answers only for a port that forwards. */
static int set_forwarding(void)
{
	static const char *const files[] = {"/proc/sys/net/ipv4/ip_forward",
					    "/proc/sys/net/ipv6/conf/all/forwarding"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);
		int rc = fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;

		if (fd >= 0)
			close(fd);
		if (rc) {
			fprintf(stderr, "cannot write %s: %s\n", files[i], strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int net__make(void)
{
	FILE *f;
	int rc;

	if (unshare(CLONE_NEWNET)) {
		rc = -errno;
		fprintf(stderr, "cannot make a network namespace (root?): %s\n", strerror(-rc));
		return rc;
	}
	f = popen("ip -batch -", "w");
	if (!f)
		return -errno;
	script(f);
	if (pclose(f)) {
		fprintf(stderr, "ip cannot set up the namespace; its words are above\n");
		return -EIO;
	}
	rc = set_forwarding();
	if (rc)
		return rc;
	for (int i = 0; i < NET_PORTS; i++) {
		ifindex[i] = if_nametoindex(names[i]);
		if (!ifindex[i])
			return -errno;
	}
	return 0;
}
