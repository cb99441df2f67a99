/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kafkamock ADDRESS BROKERS - librdkafka's mock cluster, which speaks Kafka's real protocol, on an
 * address of the lab's.
 *
 * Prints each broker's port, one a line, in the order of their ids, 1 and up; then serves until it is
 * killed. SIGUSR1 takes broker 1 down, SIGUSR2 brings it back.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct in_addr address;

/* The library binds to 127.0.0.1 and advertises what it is bound to; this one comes in front of libc's. */
int bind(int fd, const struct sockaddr *sa, socklen_t len);

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	int (*libc_bind)(int, const struct sockaddr *, socklen_t);
	struct sockaddr_in at;

	*(void **)&libc_bind = dlsym(RTLD_NEXT, "bind");
	if (sa->sa_family != AF_INET || len < sizeof(at))
		return libc_bind(fd, sa, len);
	memcpy(&at, sa, sizeof(at));
	at.sin_addr = address;
	return libc_bind(fd, (const struct sockaddr *)&at, sizeof(at));
}

/* "10.77.0.11:40001,10.77.0.11:40002" */
static void print_ports(const char *bootstraps)
{
	char *copy = strdup(bootstraps), *rest = copy, *one;

	while ((one = strsep(&rest, ",")))
		puts(strrchr(one, ':') + 1);
	fflush(stdout);
	free(copy);
}

int main(int argc, char **argv)
{
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *client;
	char why[256];
	sigset_t signals;
	int sig;

	if (argc != 3 || !inet_pton(AF_INET, argv[1], &address) || atoi(argv[2]) < 1) {
		fputs("usage: kafkamock ADDRESS BROKERS\n", stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	if (!client) {
		fprintf(stderr, "kafkamock: %s\n", why);
		return 1;
	}
	cluster = rd_kafka_mock_cluster_new(client, atoi(argv[2]));
	if (!cluster) {
		fputs("kafkamock: there is no cluster\n", stderr);
		return 1;
	}
	print_ports(rd_kafka_mock_cluster_bootstraps(cluster));
	while (sigwait(&signals, &sig) == 0) {
		if (sig == SIGUSR1)
			rd_kafka_mock_broker_set_down(cluster, 1);
		else
			rd_kafka_mock_broker_set_up(cluster, 1);
	}
	return 1;
}
