/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead bench */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/apart.h"
#include "bench/load.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/view_json.h"

#define ROUNDS 31
#define SLICE \
	(1u << 12) /* packets: short, since what runs beside must not be in all slices of a round */
#define BUSY 25 /* percent of the CPU: with more of other work the figures say little */
#define LOOK_MS 500 /* for how long the CPUs are looked at before */
/* Memory that maps take at worst, measured, and what has to be left beside it. */
#define NEED (448UL << 20)
#define NEED_ALL (1024UL << 20)
#define SPARE (256UL << 20)

enum { OPT_CPU = 256, OPT_ROUNDS, OPT_ALL };

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"all", no_argument, NULL, OPT_ALL},
	{0},
};

/* What was measured, and beside what. */
struct bench_run {
	struct bench_order order;
	bool json, tty;
	double average; /* load, of the last minute, before */
	double busy_before, busy_others; /* percent of that CPU's time */
	double seconds;
	json_t *rows;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show(void *ctx, const char *what, uint32_t done, uint32_t rounds)
{
	const struct bench_run *r = ctx;

	if (!r->tty)
		return;
	progress__bar(stderr, (double)done / rounds);
	fprintf(stderr, "%s: ", what);
	if (done)
		fprintf(stderr, "round %u of %u", done, rounds);
	else
		fputs("maps are filled", stderr);
	fflush(stderr);
}

static int check_memory(const struct bench_run *r, struct err *err)
{
	uint64_t need = r->order.all ? NEED_ALL : NEED, there = load__memory();

	if (!there || there >= need + SPARE)
		return 0;
	return err__set(
		err, -ENOMEM,
		"the maps take up to %llu MB, and %llu MB are to be left: there are %llu MB%s",
		(unsigned long long)need >> 20, (unsigned long long)SPARE >> 20,
		(unsigned long long)there >> 20,
		r->order.all ? "; without --all it takes less" : "");
}

/* Looks at the CPUs for a while, and takes the quietest, unless one is named. */
static int choose(struct bench_run *r, struct err *err)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	struct load before, after;
	cpu_set_t among;
	int rc = load__read(&before, err);

	if (rc)
		return rc;
	nanosleep(&pause, NULL);
	rc = load__read(&after, err);
	if (rc)
		return rc;
	if (sched_getaffinity(0, sizeof(among), &among))
		return err__set(err, -errno, "cannot read the CPUs of this process: %s",
				strerror(errno));
	if (r->order.manners.cpu < 0)
		r->order.manners.cpu = load__quietest(&before, &after, &among);
	if (!CPU_ISSET(r->order.manners.cpu, &among))
		return err__set(err, -EINVAL, "CPU %d is not there, or not for this process",
				r->order.manners.cpu);
	r->busy_before = load__busy(&before, &after, r->order.manners.cpu);
	if (getloadavg(&r->average, 1) != 1)
		r->average = 0;
	return 0;
}

static int measure(struct bench_run *r, struct err *err)
{
	struct load before, after;
	double cpu_s = 0, began;
	int rc = check_memory(r, err);

	if (!rc)
		rc = choose(r, err);
	if (!rc)
		rc = load__read(&before, err);
	if (rc)
		return rc;
	began = now_s();
	rc = bench_apart__run(&r->order, &r->rows, &cpu_s, err);
	r->seconds = now_s() - began;
	if (r->tty)
		fputs("\r\033[K", stderr);
	if (rc)
		return rc;
	rc = load__read(&after, err);
	if (rc)
		return rc;
	r->busy_others =
		load__busy(&before, &after, r->order.manners.cpu) - 100 * cpu_s / r->seconds;
	if (r->busy_others < 0)
		r->busy_others = 0;
	return 0;
}

#define FAIR_TEXT \
	"What else ran made them larger: a packet costs as much as the medians say, or less."
#define BUSY_TEXT                                                                                     \
	"The CPU had so much other work that the figures say little: differences of disturbed times " \
	"may even be negative. Try --cpu, or a quieter hour."

static bool is_busy(const struct bench_run *r)
{
	return r->busy_others > BUSY;
}

static double tenth(double x)
{
	return round(x * 10) / 10;
}

static int print_json(const struct bench_run *r, const struct utsname *u, const char *processor)
{
	json_t *o = json_object();
	json_t *row;
	size_t i;
	int rc;

	/* Goals are of a machine that does nothing else. */
	json_array_foreach (r->rows, i, row) {
		json_object_del(row, "goal");
		json_object_del(row, "holds");
	}
	json_object_set_new(o, "version", json_string(FAIRLEAD_VERSION));
	json_object_set_new(o, "kernel", json_string(u->release));
	json_object_set_new(o, "machine", json_string(u->machine));
	json_object_set_new(o, "processor", json_string(processor));
	json_object_set_new(o, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(o, "cpu", json_integer(r->order.manners.cpu));
	json_object_set_new(o, "load_average", json_real(r->average));
	json_object_set_new(o, "busy_before_percent", json_real(tenth(r->busy_before)));
	json_object_set_new(o, "busy_others_percent", json_real(tenth(r->busy_others)));
	json_object_set_new(o, "seconds", json_real(tenth(r->seconds)));
	json_object_set_new(o, "all", json_boolean(r->order.all));
	json_object_set_new(o, "rounds", json_integer(r->order.rounds));
	json_object_set_new(o, "slices", json_integer(SLICES));
	json_object_set_new(o, "packets", json_integer(r->order.slice));
	json_object_set_new(o, "busy", json_boolean(is_busy(r)));
	json_object_set(o, "rows", r->rows);
	rc = json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return rc ? CLI_FAILED : CLI_OK;
}

static double real_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static void print_figure(double x)
{
	printf("  %9.*f", fabs(x) < 1000 ? 2 : 0, x);
}

/* Of two rows of one name the second has the same in relation to something. */
static void print_rows(const json_t *rows)
{
	int width = 0;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		int len = (int)strlen(string_of(row, "name"));

		width = len > width ? len : width;
	}
	printf("%-*s  %9s  %9s  %9s\n", width, "", "median", "min", "max");
	json_array_foreach (rows, i, row) {
		const json_t *next = json_array_get(rows, i + 1);

		printf("%-*s", width, string_of(row, "name"));
		print_figure(real_of(row, "value"));
		print_figure(real_of(row, "min"));
		print_figure(real_of(row, "max"));
		printf("  %s", string_of(row, "unit"));
		if (next && !strcmp(string_of(next, "name"), string_of(row, "name"))) {
			printf(", %.2f %s", real_of(next, "value"), string_of(next, "unit"));
			i++;
		}
		putchar('\n');
	}
}

static void print_text(const struct bench_run *r, const struct utsname *u, const char *processor)
{
	int cpu = r->order.manners.cpu;

	printf("fairlead " FAIRLEAD_VERSION ", Linux %s %s, %ld x %s\n", u->release, u->machine,
	       sysconf(_SC_NPROCESSORS_ONLN), processor);
	printf("load average %.2f; CPU %d was busy for %.0f %% of the time before, and with others' work "
	       "for %.0f %% meanwhile\n\n",
	       r->average, cpu, r->busy_before, r->busy_others);
	print_rows(r->rows);
	printf("\n%u rounds in %.0f s. %s\n", r->order.rounds, r->seconds,
	       is_busy(r) ? BUSY_TEXT : FAIR_TEXT);
}

static int run_bench(struct bench_run *r)
{
	char processor[128];
	struct err err = {{0}};
	struct utsname u;
	int rc = measure(r, &err);

	if (rc) {
		fprintf(stderr, "fairlead bench: %s\n", err.text);
		return CLI_FAILED;
	}
	uname(&u);
	host__model(processor, sizeof(processor));
	rc = CLI_OK;
	if (r->json)
		rc = print_json(r, &u, processor);
	else
		print_text(r, &u, processor);
	json_decref(r->rows);
	return rc;
}

static bool parse(const char *text, long least, long most, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return !errno && end != text && !*end && *out >= least && *out <= most;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct bench_run r = {
		.order = {.manners.cpu = -1, .rounds = ROUNDS, .slice = SLICE, .told = show},
		.tty = isatty(STDERR_FILENO)};
	int option, rc;
	long n;

	r.order.ctx = &r;
	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			r.json = true;
			break;
		case OPT_CPU:
			if (!parse(optarg, 0, CPU_SETSIZE - 1, &n))
				return cli__usage(&command_bench, "'%s' is not a CPU's number",
						  optarg);
			r.order.manners.cpu = (int)n;
			break;
		case OPT_ROUNDS:
			if (!parse(optarg, 1, MAX_ROUNDS, &n))
				return cli__usage(&command_bench,
						  "'%s' is not a number of rounds, 1 to %d", optarg,
						  MAX_ROUNDS);
			r.order.rounds = (uint32_t)n;
			break;
		case OPT_ALL:
			r.order.all = r.order.manners.expedite = true;
			break;
		default:
			rc = cli__option(cli, &command_bench, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind != argc)
		return cli__usage(&command_bench, "'%s' is too much: bench takes options only",
				  argv[optind]);
	return run_bench(&r);
}

const struct command command_bench = {
	.name = "bench",
	.summary = "what a packet costs on this machine, measured beside what it does",
	.help = "Usage: fairlead bench [--cpu N] [--rounds N] [--all] [--json]\n\n"
		"Measures the program on this machine's kernel, in namespaces of its own and after all else\n"
		"that wants to run, in some seconds; traffic goes on, no agent need run, and nothing is left.\n"
		"Beside load the figures are upper bounds. For root.\n\n"
		"  --cpu N      measures on that CPU (default: the one that is least busy)\n"
		"  --rounds N   so many of each, 1 to 999 (default 31)\n"
		"  --all        also curves over services and backends, memory, and the way through a device:\n"
		"               takes minutes and up to 1 GB, and sets the machine's rcu_expedited for\n"
		"               that time. Not beside traffic\n"
		"  -j, --json   for programs\n\n"
		"Exit status: 0 if all was measured, 1 if not.\n",
	.run = run,
};
