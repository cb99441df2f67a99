/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead capture */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/capture_file.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/view_json.h"
#include "core/base64.h"
#include "core/duration.h"

#define MAX_PATH 1024
#define POLL_MS 50
#define SHOW_EVERY 10 /* polls */

struct request {
	const struct cli *cli;
	const char *path; /* of the file; "-": standard output */
	char start[MAX_PATH]; /* what is asked of the agent */
	bool force, json;
};

enum {
	OPT_SOURCE = 256,
	OPT_DESTINATION,
	OPT_PORT,
	OPT_BACKEND,
	OPT_VERDICT,
	OPT_SNAP,
	OPT_RATE,
	OPT_SIZE,
	OPT_FORCE,
};

static const struct option options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{"source", required_argument, NULL, OPT_SOURCE},
	{"destination", required_argument, NULL, OPT_DESTINATION},
	{"proto", required_argument, NULL, 'p'},
	{"port", required_argument, NULL, OPT_PORT},
	{"backend", required_argument, NULL, OPT_BACKEND},
	{"verdict", required_argument, NULL, OPT_VERDICT},
	{"snap", required_argument, NULL, OPT_SNAP},
	{"rate", required_argument, NULL, OPT_RATE},
	{"number", required_argument, NULL, 'n'},
	{"size", required_argument, NULL, OPT_SIZE},
	{"time", required_argument, NULL, 't'},
	{"force", no_argument, NULL, OPT_FORCE},
	{"json", no_argument, NULL, 'j'},
	{0},
};

/* --- options ------------------------------------------------------------------------------------------- */

/* Adds "?name=value", or with '&', escaped as it has to be. */
static int add(struct request *r, const char *name, const char *value)
{
	size_t at = strlen(r->start);
	char *text = curl_easy_escape(NULL, value, 0);
	int n;

	if (!text)
		return cli__usage(&command_capture, "out of memory");
	n = snprintf(r->start + at, sizeof(r->start) - at, "%c%s=%s",
		     strchr(r->start, '?') ? '&' : '?', name, text);
	curl_free(text);
	return n >= (int)(sizeof(r->start) - at)
		       ? cli__usage(&command_capture, "the value of %s is too long", name)
		       : CLI_NEXT;
}

static int add_number(struct request *r, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return add(r, name, text);
}

/* "500k", "64M", "1G" of 1024 each, or bytes. */
static int add_size(struct request *r, const char *value)
{
	static const char units[] = "kMG";
	const char *unit;
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || errno)
		return cli__usage(&command_capture, "--size %s is not a number of bytes, as in 64M",
				  value);
	unit = *end ? strchr(units, *end) : NULL;
	for (const char *u = units; unit && u <= unit && n <= UINT64_MAX / 1024; u++)
		n *= 1024;
	if (*end && (!unit || end[1]))
		return cli__usage(&command_capture,
				  "--size %s is not a number of bytes: k, M and G are its units",
				  value);
	return add_number(r, "size", n);
}

static int add_time(struct request *r, const char *value)
{
	uint64_t ms;

	if (duration__parse(value, &ms))
		return cli__usage(&command_capture, "--time %s is not a duration, as in 30s or 5m",
				  value);
	return add_number(r, "time", ms);
}

static int read_option(struct request *r, struct cli *cli, int option)
{
	switch (option) {
	case 'S':
		return add(r, "service", optarg);
	case OPT_SOURCE:
		return add(r, "source", optarg);
	case OPT_DESTINATION:
		return add(r, "destination", optarg);
	case 'p':
		return add(r, "protocol", optarg);
	case OPT_PORT:
		return add(r, "port", optarg);
	case OPT_BACKEND:
		return add(r, "backend", optarg);
	case OPT_VERDICT:
		return add(r, "verdict", optarg);
	case OPT_SNAP:
		return add(r, "snap", optarg);
	case OPT_RATE:
		return add(r, "rate", optarg);
	case 'n':
		return add(r, "packets", optarg);
	case OPT_SIZE:
		return add_size(r, optarg);
	case 't':
		return add_time(r, optarg);
	case OPT_FORCE:
		r->force = true;
		return CLI_NEXT;
	case 'j':
		r->json = true;
		return CLI_NEXT;
	default:
		return cli__option(cli, &command_capture, option);
	}
}

/* --- the capture --------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
	(void)signum;
	interrupted = 1;
}

/* A reader that hung up is an error of write(). */
static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void show_progress(const json_t *reply)
{
	fprintf(stderr, "\r\033[K%lld packets, %lld bytes; ctrl-C ends it",
		integer_of(reply, "packets"), integer_of(reply, "bytes"));
	fflush(stderr);
}

/* The blocks of a reply; *n: how many bytes. */
static int write_blocks(struct capture_file *f, const json_t *reply, size_t *n, struct err *err)
{
	const char *text = text_of(reply, "data");
	size_t len = strlen(text);
	uint8_t *data = malloc(len + 1);
	int rc;

	*n = 0;
	if (!data)
		return err__set(err, -ENOMEM, "out of memory");
	rc = base64__decode(text, len, data, n);
	if (rc)
		err__set(err, rc, "the agent's answer holds no blocks: is it of this version?");
	else
		rc = capture_file__write(f, data, *n, err);
	free(data);
	return rc;
}

static int ask(const struct request *r, const char *what, json_int_t id, json_t **out,
	       struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/capture/%s?id=%lld", what, (long long)id);
	return client__request(r->cli->socket, "POST", path, out, err);
}

/* Asks for what there is until it ends; *last: the last reply. */
static int follow(const struct request *r, struct capture_file *f, json_int_t id, json_t **last,
		  struct err *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	bool tty = isatty(STDERR_FILENO), ended = false;
	json_t *reply = NULL;
	size_t n;
	int rc = 0;

	for (unsigned int polls = 1; !ended && !rc; polls++) {
		rc = ask(r, interrupted ? "stop" : "next", id, &reply, err);
		if (rc) {
			json_decref(reply);
			break;
		}
		json_decref(*last);
		*last = reply;
		ended = !json_is_null(json_object_get(reply, "ended"));
		rc = write_blocks(f, reply, &n, err);
		if (tty && (ended || polls % SHOW_EVERY == 0))
			show_progress(reply);
		if (!n && !ended && !rc)
			nanosleep(&pause, NULL);
	}
	/* What can't be written needs no capture. */
	if (rc && !ended && !ask(r, "stop", id, &reply, NULL))
		json_decref(reply);
	if (tty && *last)
		fputs("\r\033[K", stderr);
	return rc;
}

static const char *why(const char *ended)
{
	static const struct {
		const char *word, *text;
	} known[] = {{"packets", "it has as many packets as --number allows"},
		     {"size", "it is as large as --size allows"},
		     {"time", "its --time is over"}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(ended, known[i].word))
			return known[i].text;
	}
	return "interrupted";
}

static void print_end(const struct request *r, const struct capture_file *f, json_t *last)
{
	FILE *out = strcmp(r->path, "-") ? stdout : stderr;

	if (r->json) {
		json_object_del(last, "data");
		json_object_set_new(last, "written",
				    json_integer((json_int_t)capture_file__written(f)));
		json_dumpf(last, out, JSON_INDENT(2));
		putc('\n', out);
		return;
	}
	fprintf(out, "%lld packets, %" PRIu64 " bytes", integer_of(last, "packets"),
		capture_file__written(f));
	if (strcmp(r->path, "-") != 0) {
		fputs(" in ", out);
		cli__print_text(out, r->path);
	}
	fprintf(out, ": %s; %lld seen, %lld left out by --rate, %lld lost for want of room\n",
		why(text_of(last, "ended")), integer_of(last, "seen"), integer_of(last, "skipped"),
		integer_of(last, "lost"));
}

static int capture(const struct request *r, struct err *err)
{
	struct capture_file *f = NULL;
	json_t *reply = NULL, *last = NULL;
	int rc;

	catch_signals();
	rc = capture_file__open(r->path, r->force, &f, err);
	if (rc)
		return rc;
	rc = client__request(r->cli->socket, "POST", r->start, &reply, err);
	if (!rc)
		rc = capture_file__begin(f, err);
	if (!rc)
		rc = follow(r, f, integer_of(reply, "id"), &last, err);
	if (!rc)
		rc = capture_file__close(f, err);
	if (!rc)
		print_end(r, f, last);
	capture_file__free(f);
	json_decref(reply);
	json_decref(last);
	return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli, .start = "/v1/capture/start"};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "S:p:n:t:j", options, NULL)) != -1) {
		rc = read_option(&r, cli, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (argc - optind != 1)
		return cli__usage(&command_capture,
				  "one FILE is needed, or '-' for standard output");
	r.path = argv[optind];
	if (!strcmp(r.path, "-") && isatty(STDOUT_FILENO))
		return cli__usage(&command_capture,
				  "'-' is a terminal: redirect it, as in `fairlead capture - | "
				  "tshark -r -`");
	rc = capture(&r, &err);
	if (rc) {
		fputs("fairlead capture: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	return rc ? CLI_FAILED : CLI_OK;
}

const struct command command_capture = {
	.name = "capture",
	.summary = "write packets to a file, before and after, with what became of each",
	.help = "Usage: fairlead capture FILE [--service NAME] [--source PREFIX] [--destination PREFIX]\n"
		"                        [--proto PROTO] [--port N] [--backend ID] [--verdict V,V]\n"
		"                        [--snap N] [--rate N] [--number N] [--size N] [--time T]\n"
		"                        [--force] [--json]\n\n"
		"Writes a pcapng file for Wireshark: packets as they came in (interface `in`) and as they\n"
		"left (`out`), each with the verdict as its comment. FILE `-` is standard output. It ends\n"
		"with ctrl-C, or at the first bound.\n\n"
		"  -S, --service NAME        of that service, replies included\n"
		"      --source PREFIX       whose source, as they came in, lies in it\n"
		"      --destination PREFIX  likewise: a VIP\n"
		"  -p, --proto PROTO         tcp, udp, sctp, icmp or icmpv6\n"
		"      --port N              source or destination port, as they came in\n"
		"      --backend ID          that go to, or come from, that backend\n"
		"      --verdict V,V         with one of these verdicts: send, drop, pass, or drop_ttl and so on\n"
		"      --snap N              bytes of each packet (14..2048, default 256)\n"
		"      --rate N              packets a second and CPU, at most (default 5000)\n"
		"  -n, --number N            packets (default 10000)\n"
		"      --size N              bytes of the file: k, M, G (default 64M)\n"
		"  -t, --time T              how long (default 60s, at most 1h)\n"
		"      --force               replace what is in FILE\n"
		"  -j, --json                the last line for programs\n",
	.run = run,
};
