/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - fairleadd's command line. */
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "core/log.h"
#include "net/vmac.h"

#define DEFAULT_CONFIG "/etc/fairlead/fairlead.yaml"

enum mode { MODE_RUN, MODE_CHECK, MODE_DETACH, MODE_WITHDRAW };

static void usage(FILE *to)
{
	fputs("Usage: fairleadd [-c FILE] [-f]\n"
	      "       fairleadd [-c FILE] --check | --detach | --withdraw\n"
	      "\n"
	      "The agent of the fairlead load balancer: probes backends and keeps the data plane.\n"
	      "It never forks; SIGHUP reads the file again, SIGTERM ends the agent and leaves the\n"
	      "data plane serving.\n"
	      "\n"
	      "  -c, --config FILE  configuration (default " DEFAULT_CONFIG ")\n"
	      "  -f, --foreground   log to standard error even under systemd\n"
	      "      --check        check the configuration and exit: 0 right, 1 wrong\n"
	      "      --detach       take the instance's program off its interfaces, remove its pins\n"
	      "      --withdraw     remove the routes of VIPs that an agent which was killed has left\n"
	      "  -V, --version      print version and map layout\n"
	      "  -h, --help         print this\n",
	      to);
}

/* NULL: it is wrong, and its mistakes are told. */
static struct config *load(const char *path)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[ERR_LEN];

	config__load(path, &c, &problems);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", config_problems__format(&problems, i, line, sizeof(line)));
	config_problems__free(&problems);
	return c;
}

static int check(const char *path)
{
	struct config *c = load(path);
	int rc = c ? 0 : 1;

	if (c)
		printf("%s: ok: %zu services on %zu interfaces\n", path, c->n_services,
		       c->n_interfaces);
	config__free(c);
	return rc;
}

/* After kill -9, when no agent follows. */
static int withdraw(const char *path)
{
	struct config *c = load(path);
	struct err err;
	size_t n;
	int rc;

	if (!c)
		return 1;
	rc = routes__withdraw(c->anycast_table, &n, &err);
	if (rc)
		fprintf(stderr, "fairleadd: %s\n", err.text);
	else
		printf("%zu routes of VIPs are removed from table %u\n", n, c->anycast_table);
	config__free(c);
	return rc ? 1 : 0;
}

/* All devices of virtual MAC addresses that a killed agent has left. */
static int remove_vmacs(const char *instance, struct err *err)
{
	struct net_addresses *net;
	int rc = net_addresses__open(&net, err);

	if (rc)
		return rc;
	rc = net_vmac__sweep(net, instance, NULL, NULL);
	net_addresses__close(net);
	return rc ? err__set(err, rc,
			     "cannot remove the devices of virtual MAC addresses of instance '%s': "
			     "%s; look for them with `ip -d link`",
			     instance, strerror(-rc))
		  : 0;
}

static int detach(const char *path)
{
	struct config *c = load(path);
	struct err err;
	int rc;

	if (!c)
		return 1;
	rc = plane__remove(c->instance, &err);
	if (!rc)
		rc = paths__remove(c->instance, &err);
	if (!rc)
		rc = remove_vmacs(c->instance, &err);
	if (rc)
		fprintf(stderr, "fairleadd: %s\n", err.text);
	else
		printf("instance '%s' is detached and its pins are removed\n", c->instance);
	config__free(c);
	return rc ? 1 : 0;
}

/* Symbolic links stay: a reload follows them to where they point by then. */
static int absolute(const char *file, char *out, size_t len)
{
	char cwd[PATH_MAX] = "";
	int n;

	if (file[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return -1;
	n = snprintf(out, len, "%s%s%s", cwd, cwd[0] ? "/" : "", file);
	return n < 0 || (size_t)n >= len ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'f'},
		{"check", no_argument, NULL, 'C'},	  {"detach", no_argument, NULL, 'D'},
		{"withdraw", no_argument, NULL, 'W'},	  {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	const char *file = DEFAULT_CONFIG;
	bool foreground = false;
	enum mode mode = MODE_RUN;
	char path[PATH_MAX];
	int opt;

	while ((opt = getopt_long(argc, argv, "c:fVh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			file = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		case 'C':
			mode = MODE_CHECK;
			break;
		case 'D':
			mode = MODE_DETACH;
			break;
		case 'W':
			mode = MODE_WITHDRAW;
			break;
		case 'V':
			printf("fairleadd %s (maps v%d)\n", FAIRLEAD_VERSION, FL_ABI_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fairleadd: unexpected argument '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	if (mode == MODE_CHECK)
		return check(file);
	if (mode == MODE_DETACH)
		return detach(file);
	if (mode == MODE_WITHDRAW)
		return withdraw(file);
	if (absolute(file, path, sizeof(path))) {
		fprintf(stderr, "fairleadd: the path of '%s' is too long\n", file);
		return 2;
	}
	return agent__run(path,
			  !foreground && getenv("JOURNAL_STREAM") ? LOG_TO_JOURNAL : LOG_TO_STDERR);
}
