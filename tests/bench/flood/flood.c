/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood.c - sends spoofed TCP packets to a VIP: the kernel makes them (BPF_F_TEST_XDP_LIVE_FRAMES).
 *
 *   flood IFNAME syn|ack|pair PACKETS RATE VIP PORT DMAC LAB/LEN [FIRST N]
 *
 * pair: a SYN and the ACK that completes its handshake, if one had answered it. Sources are random, none
 * of LAB/LEN; or, with FIRST and N, these N addresses, as if by somebody who aims at open connections.
 * RATE in packets a second; 0: as fast as it goes. Prints a JSON object: packets, seconds, passed (how
 * many of them the balancer sent back to IFNAME).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flood.h"
#include "flood.skel.h"

#define BATCH 64
#define MAX_RATE 100000000
#define SETTLE_US 200000 /* for what is under way when the last frame is sent */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int make_frame(uint8_t *frame, char **argv)
{
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct tcphdr *tcp = (struct tcphdr *)(ip + 1);
	unsigned int mac[ETH_ALEN];

	memset(frame, 0, FLOOD_FRAME);
	if (sscanf(argv[7], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		   &mac[5]) != ETH_ALEN ||
	    inet_pton(AF_INET, argv[5], &ip->daddr) != 1)
		return -EINVAL;
	for (int i = 0; i < ETH_ALEN; i++)
		eth->h_dest[i] = (uint8_t)mac[i];
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->id = htons(FLOOD_ID);
	ip->tot_len = htons(FLOOD_FRAME - sizeof(*eth));
	tcp->dest = htons((uint16_t)atoi(argv[6]));
	tcp->doff = 5;
	tcp->syn = strcmp(argv[2], "ack") != 0;
	tcp->ack = !tcp->syn;
	return 0;
}

static int set_lab(struct flood_bpf *skel, char *net)
{
	char *slash = strchr(net, '/');
	struct in_addr address;

	if (!slash)
		return -EINVAL;
	*slash = '\0';
	if (inet_pton(AF_INET, net, &address) != 1)
		return -EINVAL;
	skel->bss->lab_mask = htonl(~0U << (32 - atoi(slash + 1)));
	skel->bss->lab_net = address.s_addr & skel->bss->lab_mask;
	return 0;
}

static int set_live(struct flood_bpf *skel, const char *first, const char *n)
{
	struct in_addr address;

	if (inet_pton(AF_INET, first, &address) != 1 || atoi(n) <= 0)
		return -EINVAL;
	skel->bss->live_first = ntohl(address.s_addr);
	skel->bss->live_n = (uint32_t)atoi(n);
	return 0;
}

static int send_frames(int prog, uint32_t ifindex, uint8_t *frame, uint32_t n)
{
	struct xdp_md ctx = {.ingress_ifindex = ifindex, .data_end = FLOOD_FRAME};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FLOOD_FRAME,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = (int)n,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	return bpf_prog_test_run_opts(prog, &opts);
}

/*
 * Puts `prog` in the place of the program on the interface, which must be there: without one, veth does
 * not deliver what the balancer sends back. *old: the one that was there.
 */
static int swap_program(uint32_t ifindex, int prog, int *old)
{
	__u32 id = 0;
	int rc = bpf_xdp_query_id((int)ifindex, XDP_FLAGS_DRV_MODE, &id);

	*old = rc ? rc : bpf_prog_get_fd_by_id(id);
	if (*old < 0)
		return *old;
	return bpf_xdp_attach((int)ifindex, prog, XDP_FLAGS_DRV_MODE, NULL);
}

int main(int argc, char **argv)
{
	uint64_t packets, rate, began, ended;
	uint8_t frame[FLOOD_FRAME];
	struct flood_bpf *skel;
	uint32_t ifindex;
	int before, dam, rc;

	if (argc != 9 && argc != 11) {
		fputs("usage: flood IFNAME syn|ack|pair PACKETS RATE VIP PORT DMAC LAB/LEN [FIRST N]\n",
		      stderr);
		return 2;
	}
	ifindex = if_nametoindex(argv[1]);
	packets = strtoull(argv[3], NULL, 10);
	rate = strtoull(argv[4], NULL, 10);
	skel = flood_bpf__open_and_load();
	if (!ifindex || !skel || make_frame(frame, argv) || set_lab(skel, argv[8]) ||
	    (argc == 11 && set_live(skel, argv[9], argv[10])) || packets > INT32_MAX ||
	    rate > MAX_RATE) {
		fputs("flood: wrong arguments, or the kernel refused its programs\n", stderr);
		return 1;
	}
	rc = swap_program(ifindex, bpf_program__fd(skel->progs.dam), &before);
	if (rc) {
		fprintf(stderr, "flood: cannot replace the program of %s: %s\n", argv[1],
			strerror(-rc));
		return 1;
	}
	skel->bss->pairs = !strcmp(argv[2], "pair");
	skel->bss->gap_ns = rate ? 1000000000 / rate : 0;
	began = now_ns();
	rc = send_frames(bpf_program__fd(skel->progs.flood), ifindex, frame, (uint32_t)packets);
	ended = now_ns();
	usleep(SETTLE_US);
	if (swap_program(ifindex, before, &dam))
		fprintf(stderr, "flood: %s has lost its own program\n", argv[1]);
	if (rc) {
		fprintf(stderr, "flood: the kernel sends no live frames: %s\n", strerror(-rc));
		return 1;
	}
	printf("{\"packets\": %llu, \"seconds\": %.6f, \"passed\": %llu}\n",
	       (unsigned long long)packets, (double)(ended - began) / 1e9,
	       (unsigned long long)skel->bss->passed);
	close(before);
	flood_bpf__destroy(skel);
	return 0;
}
