/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forge.c - packets of TCP connections that never were, which the balancer can't tell from open ones.
 *
 * usage: forge INTERFACE MAC ADDRESS PORT FLOWS ROUNDS
 *
 * Sends an ACK of each of FLOWS flows to the balancer at MAC, and does so again for as many rounds, two
 * seconds after the last: heard twice, they get records where slots move. The checksum is wrong, so that
 * whom they reach says nothing. Nothing slows the sender down, so some of a round may be lost on the way:
 * two rounds are too few.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS 1000 /* of each source: fewer than its records may be */
#define FIRST_PORT 10000
#define SOURCES 0xc6120000u /* 198.18.0.0, RFC 2544: nobody's */
#define BATCH 128 /* packets: half of what a cable (veth) holds */
#define GAP_S 2

struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "forge: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A socket that sends on the interface; fills in its address as the packets' source. */
static int opened(const char *interface, uint8_t mac[6])
{
	struct ifreq ifr = {0};
	int s = socket(AF_PACKET, SOCK_RAW, 0);

	if (s < 0)
		fail("opening a packet socket");
	strncpy(ifr.ifr_name, interface, IFNAMSIZ - 1);
	if (ioctl(s, SIOCGIFHWADDR, &ifr))
		fail(interface);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(interface)};
	if (bind(s, (struct sockaddr *)&to, sizeof(to)))
		fail(interface);
	return s;
}

static uint16_t ip_checksum(const struct packet *p)
{
	uint16_t words[sizeof(p->ip) / 2];
	uint32_t sum = 0;

	memcpy(words, &p->ip, sizeof(words));
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void send_all(int s, struct mmsghdr *messages, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		int sent = sendmmsg(s, messages + done, n - done, 0);

		if (sent < 0 && errno != ENOBUFS)
			fail("sending");
		done += sent < 0 ? 0 : (unsigned)sent;
	}
}

/* One packet of each flow. */
static void forge(int s, const struct packet *like, unsigned flows)
{
	static struct packet packets[BATCH];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	unsigned n = 0;

	for (unsigned flow = 0; flow < flows; flow++) {
		struct packet *p = &packets[n];

		*p = *like;
		p->ip.saddr = htonl(SOURCES + flow / PORTS);
		p->ip.check = ip_checksum(p);
		p->tcp.source = htons((uint16_t)(FIRST_PORT + flow % PORTS));
		parts[n] = (struct iovec){p, sizeof(*p)};
		messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
		if (++n == BATCH) {
			send_all(s, messages, n);
			n = 0;
		}
	}
	send_all(s, messages, n);
}

int main(int argc, char **argv)
{
	struct packet like = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(struct iphdr) + sizeof(struct tcphdr)),
		       .ttl = 64,
		       .protocol = IPPROTO_TCP},
		.tcp = {.seq = htonl(1),
			.ack_seq = htonl(1),
			.doff = 5,
			.ack = 1,
			.window = htons(1024),
			.check = htons(0xdead)},
	};
	const struct ether_addr *mac = argc == 7 ? ether_aton(argv[2]) : NULL;

	if (!mac || inet_pton(AF_INET, argv[3], &like.ip.daddr) != 1) {
		fprintf(stderr, "usage: forge INTERFACE MAC ADDRESS PORT FLOWS ROUNDS\n");
		return 2;
	}
	memcpy(like.eth.h_dest, mac, 6);
	like.tcp.dest = htons((uint16_t)atoi(argv[4]));
	int s = opened(argv[1], like.eth.h_source);
	for (int round = 0; round < atoi(argv[6]); round++) {
		if (round)
			sleep(GAP_S);
		forge(s, &like, (unsigned)atoi(argv[5]));
	}
	close(s);
	return 0;
}
