/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk.c - connections that stay open and exchange a byte now and then, and the servers that answer.
 *
 *   talk serve ADDRESS PORT ID        answers each byte with ID (0..255), until it is ended
 *   talk call ADDRESS PORT LONG SHORT SECONDS MIN_MS MAX_MS SOURCE...
 *
 * `call` opens LONG connections that stay, and keeps SHORT open that end after three exchanges and are
 * opened anew, from the given sources in turn. Each sends a byte MIN_MS to MAX_MS after the last
 * answer, and expects always the same one. Prints a JSON object at the end; "ready" on a line of its own when
 * all long ones have been answered once. Of each connection that could not be opened, the object says when
 * it was asked for (CLOCK_MONOTONIC, ms) and why it was not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 512
#define SHORT_EXCHANGES 3
#define PATIENCE_MS 10000 /* without an answer for so long: lost */
#define TICK_MS 5
#define PACE_US 10000 /* between 32 calls at the beginning */
#define FAILURES 4096 /* that are told one by one; all are counted */

enum state { CLOSED, CONNECTING, WAITING, THINKING, LOST };

struct call {
	int fd;
	enum state state;
	bool is_short;
	uint8_t exchanges;
	int answer; /* the first one's; -1: none yet */
	uint64_t due_ms; /* THINKING: when it speaks; else when patience ends */
};

/* Why a connection was not opened. */
enum failure { NO_ANSWER, REFUSED, NO_PORT, FAILED };

static const char *const failures[] = {"no answer", "refused", "no local port", "failed"};

static struct {
	uint64_t asked_ms;
	enum failure why;
} failed[FAILURES];

static struct {
	uint64_t opened, exchanges, resets, other_backend, unanswered, not_opened;
	uint64_t short_lost; /* of the short ones: reset, unanswered, or answered by another */
} sums;

static struct sockaddr_in target;
static uint32_t min_ms, max_ms;
static uint64_t random_state = 88172645463325252ULL;
static int poller;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

static int die(const char *what)
{
	fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
	return 1;
}

static int watch(int fd, uint32_t events, void *about)
{
	struct epoll_event e = {.events = events, .data.ptr = about};

	return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
}

/* --- server ----------------------------------------------------------------------------------- */

static void answer(int fd, uint8_t id)
{
	uint8_t buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close(fd);
		return;
	}
	memset(buf, id, (size_t)n);
	/* A few bytes always have room; who is gone needs no answer. */
	if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) < 0)
		close(fd);
}

static int serve(uint8_t id)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct epoll_event events[EVENTS];

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&target, sizeof(target)) || listen(fd, 4096) ||
	    watch(fd, EPOLLIN, (void *)(intptr_t)fd))
		return die("cannot listen");
	for (;;) {
		int n = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int at = (int)(intptr_t)events[i].data.ptr, client;

			if (at != fd) {
				answer(at, id);
				continue;
			}
			while ((client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
			       0) {
				if (watch(client, EPOLLIN, (void *)(intptr_t)client))
					close(client);
			}
		}
	}
}

/* --- client ----------------------------------------------------------------------------------- */

static void hang_up(struct call *c, enum state state)
{
	close(c->fd);
	c->state = state;
}

static void lose(struct call *c, uint64_t *sum)
{
	if (c->is_short)
		sum = &sums.short_lost;
	++*sum;
	hang_up(c, c->is_short ? CLOSED : LOST);
}

/* `err`: the errno that says why; 0: nobody has answered. */
static void fail(struct call *c, int err)
{
	if (sums.not_opened < FAILURES) {
		failed[sums.not_opened].asked_ms = c->due_ms - PATIENCE_MS;
		failed[sums.not_opened].why = !err		     ? NO_ANSWER
					      : err == ECONNREFUSED  ? REFUSED
					      : err == EADDRNOTAVAIL ? NO_PORT
								     : FAILED;
	}
	sums.not_opened++;
	hang_up(c, c->is_short ? CLOSED : LOST);
}

static int error_of(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

static void dial(struct call *c, const char *source)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int on = 1;

	inet_pton(AF_INET, source, &from.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->answer = -1;
	c->exchanges = 0;
	c->state = CONNECTING;
	c->due_ms = now_ms() + PATIENCE_MS;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(c->fd, (struct sockaddr *)&target, sizeof(target)) && errno != EINPROGRESS) ||
	    watch(c->fd, EPOLLIN | EPOLLOUT | EPOLLET, c))
		fail(c, errno);
}

static void speak(struct call *c)
{
	if (send(c->fd, "?", 1, MSG_NOSIGNAL) != 1) {
		lose(c, &sums.resets);
		return;
	}
	c->state = WAITING;
	c->due_ms = now_ms() + PATIENCE_MS;
}

static void hear(struct call *c, uint8_t who)
{
	sums.exchanges++;
	if (c->answer >= 0 && c->answer != who) {
		lose(c, &sums.other_backend);
		return;
	}
	c->answer = who;
	if (c->is_short && ++c->exchanges == SHORT_EXCHANGES) {
		hang_up(c, CLOSED);
		return;
	}
	c->state = THINKING;
	c->due_ms = now_ms() + min_ms + random_below(max_ms - min_ms);
}

static void on_event(struct call *c, uint32_t events)
{
	uint8_t byte;
	ssize_t n;

	if (c->state == CLOSED || c->state == LOST)
		return;
	if (c->state == CONNECTING && events & (EPOLLERR | EPOLLHUP)) {
		fail(c, error_of(c->fd));
		return;
	}
	if (c->state == CONNECTING && events & EPOLLOUT) {
		sums.opened++;
		speak(c);
		return;
	}
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return;
	n = read(c->fd, &byte, 1);
	if (n == 1)
		hear(c, byte);
	else if (n == 0 || errno != EAGAIN)
		lose(c, &sums.resets);
}

static void on_time(struct call *c, uint64_t now, const char *source)
{
	if (c->state == CLOSED && c->is_short)
		dial(c, source);
	else if (c->state == THINKING && now >= c->due_ms)
		speak(c);
	else if (c->state == WAITING && now >= c->due_ms)
		lose(c, &sums.unanswered);
	else if (c->state == CONNECTING && now >= c->due_ms)
		fail(c, 0);
}

static bool all_answered(const struct call *calls, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (calls[i].answer < 0 && calls[i].state != LOST)
			return false;
	}
	return true;
}

static void poll_once(void)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(poller, events, EVENTS, TICK_MS);

	for (int i = 0; i < n; i++)
		on_event(events[i].data.ptr, events[i].events);
}

static void report(void)
{
	printf("{\"opened\": %llu, \"exchanges\": %llu, \"resets\": %llu, \"other_backend\": %llu, "
	       "\"unanswered\": %llu, \"short_lost\": %llu, \"not_opened\": %llu, \"failures\": [",
	       (unsigned long long)sums.opened, (unsigned long long)sums.exchanges,
	       (unsigned long long)sums.resets, (unsigned long long)sums.other_backend,
	       (unsigned long long)sums.unanswered, (unsigned long long)sums.short_lost,
	       (unsigned long long)sums.not_opened);
	for (uint64_t i = 0; i < sums.not_opened && i < FAILURES; i++)
		printf("%s[%llu, \"%s\"]", i ? ", " : "", (unsigned long long)failed[i].asked_ms,
		       failures[failed[i].why]);
	puts("]}");
}

static int call(uint32_t n_long, uint32_t n_short, uint32_t seconds, char **sources,
		uint32_t n_sources)
{
	struct call *calls = calloc(n_long + n_short, sizeof(*calls));
	uint64_t ends = UINT64_MAX;
	bool ready = false;

	if (!calls)
		return die("out of memory");
	for (uint32_t i = 0; i < n_long + n_short; i++) {
		calls[i].is_short = i >= n_long;
		if (!calls[i].is_short)
			dial(&calls[i], sources[i % n_sources]);
		/* Not all at once: a listener's queue is finite. */
		if (i % 32 == 31) {
			usleep(PACE_US);
			poll_once();
		}
	}
	while (now_ms() < ends) {
		uint64_t now = now_ms();

		poll_once();
		for (uint32_t i = 0; i < n_long + n_short; i++)
			on_time(&calls[i], now, sources[i % n_sources]);
		if (ready || !all_answered(calls, n_long))
			continue;
		ready = true;
		ends = now + seconds * UINT64_C(1000);
		puts("ready");
		fflush(stdout);
	}
	report();
	free(calls);
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc < 5 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
		fputs("usage: talk serve ADDRESS PORT ID\n"
		      "       talk call ADDRESS PORT LONG SHORT SECONDS MIN_MS MAX_MS SOURCE...\n",
		      stderr);
		return 2;
	}
	target.sin_family = AF_INET;
	target.sin_port = htons((uint16_t)atoi(argv[3]));
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0 || getrlimit(RLIMIT_NOFILE, &files))
		return die("cannot prepare");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files))
		return die("cannot have more files");
	if (!strcmp(argv[1], "serve"))
		return serve((uint8_t)atoi(argv[4]));
	if (argc < 10)
		return 2;
	min_ms = (uint32_t)atoi(argv[7]);
	max_ms = (uint32_t)atoi(argv[8]);
	if (max_ms <= min_ms)
		return 2;
	return call((uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]),
		    argv + 9, (uint32_t)argc - 9);
}
