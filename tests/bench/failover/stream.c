/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.c - a stream of datagrams to an address that moves, and what was lost of it.
 *
 * usage: stream echo ADDRESS PORT            sends each datagram back, from ADDRESS
 *        stream send ADDRESS PORT INTERFACE  one a millisecond until its input ends
 *
 * Every line of the sender's input, "FROM UNTIL MAC" (CLOCK_MONOTONIC, ns), is answered with one:
 * "SENT LOST BLACKOUT ANNOUNCED". Of the datagrams that were sent in between: how many, how many of them
 * nobody answered, and for how long: from the sending of the first that was lost to that of the first
 * one after the last that was lost, ns. ANNOUNCED is when MAC was first said to have ADDRESS (ARP, from
 * FROM on), 0 if it was not. A second must have passed since UNTIL at least, and a minute at most.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 1000000
#define REMEMBERED 131072 /* datagrams: two minutes */
#define ANNOUNCEMENTS 1024
#define PRIORITY 20 /* above the agent's, so that what is measured is not this program */

struct datagram {
	uint64_t number, sent_ns;
	bool answered;
};

struct announcement {
	uint64_t at_ns;
	uint8_t mac[6];
};

static struct datagram datagrams[REMEMBERED];
static struct announcement announcements[ANNOUNCEMENTS];
static uint64_t sent, announced;

static void fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in parse(const char *address, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1) {
		errno = EINVAL;
		fail(address);
	}
	return a;
}

static void be_in_time(void)
{
	struct sched_param p = {.sched_priority = PRIORITY};

	if (mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &p))
		fail("cannot become a real-time process");
}

static _Noreturn void echo(const struct sockaddr_in *at)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in from;
	uint64_t number;

	if (s < 0 || bind(s, (const struct sockaddr *)at, sizeof(*at)))
		fail("cannot listen");
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s, &number, sizeof(number), 0, (struct sockaddr *)&from, &len);

		if (n == sizeof(number))
			(void)!sendto(s, &number, sizeof(number), 0, (struct sockaddr *)&from, len);
	}
}

static void send_due(int timer, int s)
{
	uint64_t due;

	if (read(timer, &due, sizeof(due)) != sizeof(due))
		return;
	/* Late, it sends what it owes: what is lost is told by number, when it was by time. */
	for (; due; due--) {
		struct datagram *d = &datagrams[sent % REMEMBERED];

		*d = (struct datagram){.number = sent, .sent_ns = now()};
		/* Not sent is lost: no way, no neighbour. */
		(void)!send(s, &sent, sizeof(sent), 0);
		sent++;
	}
}

static void hear(int s)
{
	uint64_t number;

	while (recv(s, &number, sizeof(number), MSG_DONTWAIT) == sizeof(number))
		if (datagrams[number % REMEMBERED].number == number)
			datagrams[number % REMEMBERED].answered = true;
}

static void overhear(int s, const struct in_addr *address)
{
	uint8_t frame[64];

	/* Ethernet, then what RFC 826 has for IPv4: the sender's addresses are at 8 and 14. */
	while (recv(s, frame, sizeof(frame), MSG_DONTWAIT) >= ETH_HLEN + 28) {
		const uint8_t *arp = frame + ETH_HLEN;
		struct announcement *a = &announcements[announced % ANNOUNCEMENTS];

		if (memcmp(arp + 14, address, 4) != 0)
			continue;
		a->at_ns = now();
		memcpy(a->mac, arp + 8, sizeof(a->mac));
		announced++;
	}
}

static uint64_t find_announcement(uint64_t from, const uint8_t *mac)
{
	uint64_t i = announced > ANNOUNCEMENTS ? announced - ANNOUNCEMENTS : 0;

	for (; i < announced; i++) {
		const struct announcement *a = &announcements[i % ANNOUNCEMENTS];

		if (a->at_ns >= from && memcmp(a->mac, mac, 6) == 0)
			return a->at_ns;
	}
	return 0;
}

static void answer(const char *line)
{
	uint64_t from, until, i, n = 0, lost = 0, began = 0, blackout = 0;
	uint8_t mac[6];
	bool open = false;

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &from, &until,
		   &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 8) {
		errno = EINVAL;
		fail(line);
	}
	for (i = sent > REMEMBERED ? sent - REMEMBERED : 0; i < sent; i++) {
		const struct datagram *d = &datagrams[i % REMEMBERED];

		if (d->sent_ns < from || d->sent_ns >= until)
			continue;
		n++;
		lost += !d->answered;
		if (!d->answered && !began)
			began = d->sent_ns;
		if (d->answered && open)
			blackout = d->sent_ns - began;
		open = !d->answered;
	}
	if (open)
		blackout = until - began;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n, lost, blackout,
	       find_announcement(from, mac));
	fflush(stdout);
}

static int open_overhearing(const char *ifname)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = (int)if_nametoindex(ifname)};
	int s = socket(AF_PACKET, SOCK_RAW, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)))
		fail("cannot listen to ARP");
	return s;
}

static int stream(const struct sockaddr_in *to, const char *ifname)
{
	const struct itimerspec every = {{0, PERIOD_NS}, {0, PERIOD_NS}};
	struct pollfd fds[4] = {
		{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
	char line[128];

	fds[0].fd = timerfd_create(CLOCK_MONOTONIC, 0);
	fds[1].fd = socket(AF_INET, SOCK_DGRAM, 0);
	fds[2].fd = open_overhearing(ifname);
	fds[3].fd = STDIN_FILENO;
	if (fds[0].fd < 0 || fds[1].fd < 0 ||
	    connect(fds[1].fd, (const struct sockaddr *)to, sizeof(*to)) ||
	    timerfd_settime(fds[0].fd, 0, &every, NULL))
		fail("cannot begin");
	be_in_time();
	for (;;) {
		if (poll(fds, 4, -1) < 0 && errno != EINTR)
			fail("poll");
		if (fds[1].revents)
			hear(fds[1].fd);
		if (fds[2].revents)
			overhear(fds[2].fd, &to->sin_addr);
		if (fds[0].revents)
			send_due(fds[0].fd, fds[1].fd);
		if (fds[3].revents) {
			/* A line is written at once, and the next one after its answer. */
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			answer(line);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at;

	if (argc < 4)
		return 2;
	at = parse(argv[2], argv[3]);
	if (strcmp(argv[1], "echo") == 0) {
		be_in_time();
		echo(&at);
	}
	if (strcmp(argv[1], "send") == 0 && argc == 5)
		return stream(&at, argv[4]);
	return 2;
}
