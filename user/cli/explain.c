/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead explain */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/view_explain.h"

#define MAX_PATH 512
#define MAX_FRAME 16384U /* bytes that the agent takes (api/api.h) */
#define LEAST_FRAME 14U

struct request {
	const struct cli *cli;
	const char *source, *destination; /* NULL with `from` */
	const char *proto, *flags, *interface, *from; /* NULL: not given */
	bool json;
};

static const struct option options[] = {
	CLI_LONG,
	{"proto", required_argument, NULL, 'p'},
	{"flags", required_argument, NULL, 'F'},
	{"interface", required_argument, NULL, 'I'},
	{"from", required_argument, NULL, 'f'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

/* Adds "&name=value", or with '?', escaped as it has to be. */
static int add(char *path, const char *name, const char *value, struct err *err)
{
	size_t at = strlen(path);
	char *text;
	int n;

	if (!value)
		return 0;
	text = curl_easy_escape(NULL, value, 0);
	if (!text)
		return err__set(err, -ENOMEM, "out of memory");
	n = snprintf(path + at, MAX_PATH - at, "%c%s=%s", strchr(path, '?') ? '&' : '?', name,
		     text);
	curl_free(text);
	return n >= (int)(MAX_PATH - at)
		       ? err__set(err, -ENAMETOOLONG, "the value of %s is too long", name)
		       : 0;
}

static void print_json(const json_t *answer, size_t flags)
{
	json_dumpf(answer, stdout, flags);
	putchar('\n');
}

static int explain_one(const struct request *r, struct err *err)
{
	char path[MAX_PATH] = "/v1/explain";
	json_t *answer = NULL;
	int rc;

	rc = add(path, "source", r->source, err);
	rc = rc ? rc : add(path, "destination", r->destination, err);
	rc = rc ? rc : add(path, "protocol", r->proto, err);
	rc = rc ? rc : add(path, "flags", r->flags, err);
	rc = rc ? rc : add(path, "interface", r->interface, err);
	rc = rc ? rc : client__request(r->cli->socket, "POST", path, &answer, err);
	if (!rc && r->json)
		print_json(answer, JSON_INDENT(2));
	else if (!rc)
		view_explain__print(answer, stdout);
	json_decref(answer);
	return rc;
}

/* One packet of a file; what was cut off when it was taken counts as zeros. */
static int explain_packet(const struct request *r, size_t number, const struct pcap_pkthdr *h,
			  const u_char *data, struct err *err)
{
	char path[MAX_PATH] = "/v1/explain", length[16];
	json_t *answer = NULL;
	int rc;

	if (h->caplen < LEAST_FRAME || h->caplen > h->len || h->len > MAX_FRAME)
		return err__set(
			err, -EINVAL,
			"packet %zu of %s has %u bytes, of which %u are in the file: frames of "
			"%u to %u bytes can be explained",
			number, r->from, h->len, h->caplen, LEAST_FRAME, MAX_FRAME);
	snprintf(length, sizeof(length), "%u", h->len);
	rc = add(path, "length", length, err);
	rc = rc ? rc : add(path, "interface", r->interface, err);
	rc = rc ? rc : client__post(r->cli->socket, path, data, h->caplen, &answer, err);
	if (!rc && r->json) {
		json_object_set_new(answer, "packet", json_integer((json_int_t)number));
		print_json(answer, JSON_COMPACT);
	} else if (!rc) {
		view_explain__line(answer, number, stdout);
	} else {
		err__prefix(err, rc, "packet %zu of %s", number, r->from);
	}
	json_decref(answer);
	return rc;
}

static int explain_file(const struct request *r, struct err *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *file = pcap_open_offline(r->from, text);
	struct pcap_pkthdr *h;
	const u_char *data;
	size_t number = 0;
	int rc = 0, got;

	if (!file)
		return err__set(err, -EINVAL, "cannot read %s: %s", r->from, text);
	if (pcap_datalink(file) != DLT_EN10MB) {
		rc = err__set(
			err, -EINVAL,
			"the packets of %s begin with %s, not with Ethernet: take them on one "
			"interface, not on `any`",
			r->from, pcap_datalink_val_to_description(pcap_datalink(file)));
		goto cleanup;
	}
	while (!rc && (got = pcap_next_ex(file, &h, &data)) == 1)
		rc = explain_packet(r, ++number, h, data, err);
	if (!rc && got != PCAP_ERROR_BREAK)
		rc = err__set(err, -EINVAL, "cannot read on in %s after packet %zu: %s", r->from,
			      number, pcap_geterr(file));
cleanup:
	pcap_close(file);
	return rc;
}

static int read_operands(struct request *r, int argc, char **argv)
{
	if (r->from && argc)
		return cli__usage(&command_explain, "'%s' is too much: --from has the packets",
				  argv[0]);
	if (r->from && (r->proto || r->flags))
		return cli__usage(&command_explain, "--proto and --flags go without --from");
	if (!r->from && argc != 2)
		return cli__usage(&command_explain,
				  "a SOURCE and a DESTINATION are needed, as in 198.51.100.7:40000 "
				  "192.0.2.10:80, or --from FILE");
	if (!r->from) {
		r->source = argv[0];
		r->destination = argv[1];
	}
	return CLI_NEXT;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jp:", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			r.json = true;
			break;
		case 'p':
			r.proto = optarg;
			break;
		case 'F':
			r.flags = optarg;
			break;
		case 'I':
			r.interface = optarg;
			break;
		case 'f':
			r.from = optarg;
			break;
		default:
			rc = cli__option(cli, &command_explain, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	rc = read_operands(&r, argc - optind, argv + optind);
	if (rc != CLI_NEXT)
		return rc;
	rc = r.from ? explain_file(&r, &err) : explain_one(&r, &err);
	if (rc) {
		fflush(stdout);
		fputs("fairlead explain: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	return rc ? CLI_FAILED : CLI_OK;
}

const struct command command_explain = {
	.name = "explain",
	.summary = "say what would become of a packet, and why",
	.help = "Usage: fairlead explain SOURCE DESTINATION [--proto PROTO] [--flags FLAGS]\n"
		"                        [--interface NAME] [--json]\n"
		"       fairlead explain --from FILE [--interface NAME] [--json]\n\n"
		"Runs the program that packets meet, on the maps that they meet, with a packet that never\n"
		"was on the wire: its service, the entry of a source list or the limit that decides, its\n"
		"slot, records, backend and what is known to be wrong with that, its verdict, what peers\n"
		"would do with it, and its bytes before and after. Nothing is counted, and nothing is\n"
		"written that a packet would find.\n\n"
		"SOURCE and DESTINATION are an address and a port, 192.0.2.1:40000 or [2001:db8::1]:40000;\n"
		"with --proto icmp addresses alone. A reply is explained from the backend's side.\n\n"
		"  -p, --proto PROTO      tcp (the default), udp, sctp, or icmp: an echo request\n"
		"      --flags FLAGS      of TCP: syn (the default), ack, fin, rst, psh, with commas between;\n"
		"                         of UDP: initial, of a new connection of QUIC; of SCTP: init (the\n"
		"                         default) or data\n"
		"      --interface NAME   as if it came in there (default: the first that has the program)\n"
		"      --from FILE        each packet of a capture, pcap or pcapng, in one line\n"
		"  -j, --json             for programs; with --from one object a line\n",
	.run = run,
};
