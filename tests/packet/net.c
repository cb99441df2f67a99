/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"
#include "net.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

const uint8_t net_mac[6] = {2, 0, 0, 0, 0xcc, 1};
const uint8_t net_router[6] = {2, 0, 0, 0, 0xcc, 2};

static const char *const commands =
	"ip link set lo up && "
	"ip link add port address 02:00:00:00:cc:01 type veth peer name peer && "
	"ip link set port up && ip link set peer up && "
	"sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1 && "
	"ip addr add 192.0.2.1/24 dev port && ip addr add fd00:2::1/64 dev port nodad && "
	"ip neigh add 192.0.2.2 lladdr 02:00:00:00:cc:02 dev port && "
	"ip neigh add fd00:2::2 lladdr 02:00:00:00:cc:02 dev port && "
	"ip route add 198.51.100.0/24 via 192.0.2.2 && "
	"ip route add 198.51.101.0/24 via 192.0.2.3 && "
	"ip route add 198.51.102.0/24 via 192.0.2.2 mtu lock 1300 && "
	"ip route add 2001:db8:900::/40 via fd00:2::2 && "
	"ip route add 2001:db8:a00::/40 via fd00:2::3 && "
	"ip route add 2001:db8:b00::/40 via fd00:2::2 mtu lock 1300";

bool net__cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

uint32_t net__own_namespace(void)
{
	static uint32_t port;

	if (port)
		return port;
	if (unshare(CLONE_NEWNET))
		fail_msg("cannot make a network namespace (root?): %s", strerror(errno));
	if (system(commands))
		fail_msg("cannot set up the network of the namespace (iproute2, procps?)");
	assert_int_equal(if_nametoindex("lo"), RIG_LO);
	port = if_nametoindex("port");
	assert_int_not_equal(port, 0);
	assert_true(net__cpu(0));
	return port;
}
