/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netwatch.c - prints what user/net says, for the tests.
 *
 * Reads commands from standard input, "watch ADDRESS", "unwatch ADDRESS" or "ping", until it ends.
 * Prints one line a fact:
 *	watched ADDRESS FIELDS		what net__watch() knew at once
 *	hop ADDRESS FIELDS		a change
 *	link NAME ifindex=N present=B up=B
 *	pong				all commands before the ping were carried out
 */
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

struct driver {
	struct net *net;
	uv_pipe_t in;
	char line[256];
	size_t len;
};

static void print_mac(const char *name, const uint8_t *mac)
{
	printf(" %s=%02x:%02x:%02x:%02x:%02x:%02x", name, mac[0], mac[1], mac[2], mac[3], mac[4],
	       mac[5]);
}

static void print_addr(const char *name, const struct addr *a)
{
	static const struct addr none;
	char text[ADDR_STRLEN];

	printf(" %s=%s", name, addr__equal(a, &none) ? "-" : addr__format(a, text));
}

static void print_hop(const char *what, const struct addr *address, const struct net_hop *h)
{
	char text[ADDR_STRLEN], name[IF_NAMESIZE] = "-";

	if (h->ifindex && !if_indextoname(h->ifindex, name))
		snprintf(name, sizeof(name), "?");
	printf("%s %s resolved=%d on_link=%d local=%d dev=%s mtu=%" PRIu32, what,
	       addr__format(address, text), h->resolved, h->on_link, h->local, name, h->mtu);
	print_mac("dmac", h->dmac);
	print_mac("smac", h->smac);
	print_addr("source", &h->source);
	print_addr("via", &h->via);
	putchar('\n');
}

static void on_hop(void *ctx, const struct addr *address, const struct net_hop *hop)
{
	(void)ctx;
	print_hop("hop", address, hop);
}

static void on_link(void *ctx, const struct net_link *l, bool present)
{
	(void)ctx;
	printf("link %s ifindex=%" PRIu32 " present=%d up=%d\n", l->name, l->ifindex, present,
	       present && l->up);
}

static void die(const char *text)
{
	fprintf(stderr, "netwatch: %s\n", text);
	exit(EXIT_FAILURE);
}

static void obey(struct driver *d, char *line)
{
	char *word = strtok(line, " "), *argument = strtok(NULL, " ");
	struct addr address;
	struct net_hop hop;
	struct err err;

	if (word && strcmp(word, "ping") == 0) {
		puts("pong");
		return;
	}
	if (!word || !argument || addr__parse(argument, &address))
		die("expected \"watch ADDRESS\", \"unwatch ADDRESS\" or \"ping\"");
	if (strcmp(word, "unwatch") == 0) {
		net__unwatch(d->net, &address);
		return;
	}
	if (net__watch(d->net, &address, &hop, &err))
		die(err.text);
	print_hop("watched", &address, &hop);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct driver *d = h->data;

	(void)suggested;
	if (d->len == sizeof(d->line))
		die("a line is too long");
	*buf = uv_buf_init(d->line + d->len, (unsigned int)(sizeof(d->line) - d->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct driver *d = stream->data;
	char *end;
	size_t used;

	(void)buf;
	if (len < 0) {
		net__free(d->net);
		uv_close((uv_handle_t *)stream, NULL);
		return;
	}
	d->len += (size_t)len;
	while ((end = memchr(d->line, '\n', d->len))) {
		*end = '\0';
		used = (size_t)(end - d->line) + 1;
		obey(d, d->line);
		d->len -= used;
		memmove(d->line, d->line + used, d->len);
	}
}

int main(void)
{
	struct driver d = {0};
	struct err err;
	uv_loop_t loop;

	setvbuf(stdout, NULL, _IOLBF, 0);
	uv_loop_init(&loop);
	if (net__new(&loop, on_hop, on_link, &d, &d.net, &err))
		die(err.text);
	uv_pipe_init(&loop, &d.in, 0);
	d.in.data = &d;
	if (uv_pipe_open(&d.in, 0) || uv_read_start((uv_stream_t *)&d.in, on_alloc, on_read))
		die("standard input must be a pipe");
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop))
		die("handles were left open");
	return EXIT_SUCCESS;
}
