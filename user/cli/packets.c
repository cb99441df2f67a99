/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead packets */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/view_json.h"

#define FOLLOW_MS 500
#define MAX_RATE 1000000000UL
#define MAX_PACKETS 1024UL /* what the agent keeps */

struct request {
	const struct cli *cli;
	bool json, follow;
	bool has_flows, has_drops;
	unsigned long n, flows, drops;
};

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"follow", no_argument, NULL, 'F'},
	{"number", required_argument, NULL, 'n'},
	{"flows", required_argument, NULL, 'L'},
	{"drops", required_argument, NULL, 'D'},
	{0},
};

static void print_end(const json_t *e, const char *address, const char *port)
{
	const char *text = text_of(e, address);

	fputs(strchr(text, ':') ? "[" : "", stdout);
	cli__print_text(stdout, text);
	printf("%s:%lld", strchr(text, ':') ? "]" : "",
	       (long long)json_integer_value(json_object_get(e, port)));
}

static void print_packet(const json_t *e)
{
	print_word(e, "time", "", " ");
	print_word(e, "kind", "", " ");
	print_word(e, "protocol", "", " ");
	print_end(e, "source", "source_port");
	fputs(" > ", stdout);
	print_end(e, "destination", "destination_port");
	print_word(e, "tcp_flags", " [", "]");
	printf(" %lld bytes", (long long)json_integer_value(json_object_get(e, "bytes")));
	print_word(e, "interface", " on ", "");
	print_word(e, "service", ", service ", "");
	print_word(e, "backend", ", backend ", "");
	print_word(e, "verdict", ": ", "");
	putchar('\n');
}

static void print_missed(const json_t *reply)
{
	long long missed = json_integer_value(json_object_get(reply, "missed"));

	if (missed)
		fprintf(stderr, "fairlead packets: %lld events came too fast to be shown\n",
			missed);
}

static void print_all(const struct request *r, const json_t *reply)
{
	const json_t *e;
	size_t i;

	if (r->json && !r->follow) {
		json_out__print(reply);
		return;
	}
	json_array_foreach (json_object_get(reply, "packets"), i, e) {
		if (r->json) {
			json_dumpf(e, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_packet(e);
		}
	}
}

/* Why there may be nothing to see. */
static void print_rates(const json_t *reply)
{
	printf("none yet; sampled: one in %lld first packets of flows, one in %lld drops (0: none)\n",
	       (long long)json_integer_value(json_object_get(reply, "flows")),
	       (long long)json_integer_value(json_object_get(reply, "drops")));
}

static int show(const struct request *r, struct err *err)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_MS * 1000000L};
	json_t *reply;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/v1/packets?n=%lu", r->n);
	do {
		rc = client__request(r->cli->socket, "GET", path, &reply, err);
		if (!rc) {
			print_all(r, reply);
			print_missed(reply);
			if (!r->follow && !r->json &&
			    !json_array_size(json_object_get(reply, "packets")))
				print_rates(reply);
			snprintf(path, sizeof(path), "/v1/packets?n=%lu&since=%lld", MAX_PACKETS,
				 (long long)json_integer_value(json_object_get(reply, "next")));
		}
		json_decref(reply);
		/* A reader that hung up ends it, as does an agent that is gone. */
	} while (!rc && r->follow && !fflush(stdout) &&
		 (!nanosleep(&pause, NULL) || errno == EINTR));
	return rc;
}

static int set_rates(const struct request *r, struct err *err)
{
	char path[96] = "/v1/packets/sampling";
	size_t at = strlen(path);
	json_t *reply = NULL;
	int rc;

	if (r->has_flows)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "?flows=%lu", r->flows);
	if (r->has_drops)
		snprintf(path + at, sizeof(path) - at, "%sdrops=%lu", r->has_flows ? "&" : "?",
			 r->drops);
	rc = client__request(r->cli->socket, "POST", path, &reply, err);
	if (!rc && r->json)
		json_out__print(reply);
	else if (!rc)
		printf("sampled until the next apply: one in %lld first packets of flows, one in "
		       "%lld drops (0: none)\n",
		       (long long)json_integer_value(json_object_get(reply, "flows")),
		       (long long)json_integer_value(json_object_get(reply, "drops")));
	json_decref(reply);
	return rc;
}

static int parse(const char *text, unsigned long least, unsigned long most, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || *out < least || *out > most;
}

static int read_option(struct request *r, struct cli *cli, int option)
{
	switch (option) {
	case 'j':
		r->json = true;
		return CLI_NEXT;
	case 'F':
		r->follow = true;
		return CLI_NEXT;
	case 'n':
		if (parse(optarg, 1, MAX_PACKETS, &r->n))
			return cli__usage(&command_packets, "-n %s is not in 1..%lu", optarg,
					  MAX_PACKETS);
		return CLI_NEXT;
	case 'L':
		r->has_flows = true;
		if (parse(optarg, 0, MAX_RATE, &r->flows))
			return cli__usage(&command_packets, "--flows %s is not in 0..%lu", optarg,
					  MAX_RATE);
		return CLI_NEXT;
	case 'D':
		r->has_drops = true;
		if (parse(optarg, 0, MAX_RATE, &r->drops))
			return cli__usage(&command_packets, "--drops %s is not in 0..%lu", optarg,
					  MAX_RATE);
		return CLI_NEXT;
	default:
		return cli__option(cli, &command_packets, option);
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli, .n = 100};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jn:", options, NULL)) != -1) {
		rc = read_option(&r, cli, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_packets, "'%s' is too much: packets takes options only",
				  argv[optind]);
	if ((r.has_flows || r.has_drops) && r.follow)
		return cli__usage(&command_packets, "--flows and --drops go without --follow");
	rc = r.has_flows || r.has_drops ? set_rates(&r, &err) : show(&r, &err);
	if (rc) {
		fputs("fairlead packets: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	return rc ? CLI_FAILED : CLI_OK;
}

const struct command command_packets = {
	.name = "packets",
	.summary = "show sampled packets: first ones of flows, and drops with their reason",
	.help = "Usage: fairlead packets [-n N] [--json] [--follow]\n"
		"       fairlead packets [--flows N] [--drops N] [--json]\n\n"
		"Shows the packets that the program told of last, or says how many of them it tells of,\n"
		"which holds until the next apply or restart (then `events` of the configuration does).\n\n"
		"  -n, --number N  so many at most (1..1024, default 100)\n"
		"  -j, --json      for programs; with --follow one object a line\n"
		"      --follow    go on until ctrl-C\n"
		"      --flows N   one in N first packets of flows (0: none)\n"
		"      --drops N   one in N drops (0: none)\n",
	.run = run,
};
