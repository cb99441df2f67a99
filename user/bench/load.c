/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS \
	8 /* user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two */
#define IDLE 3
#define IOWAIT 4

/* One line, "cpuN" and its figures; the sum of all, "cpu", is no CPU. */
static void parse_line(const char *line, struct load *out)
{
	uint64_t ticks[FIELDS] = {0}, all = 0;
	unsigned long cpu;
	char *end;

	if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9')
		return;
	cpu = strtoul(line + 3, &end, 10);
	if (cpu >= CPU_SETSIZE)
		return;
	for (int i = 0; i < FIELDS && *end == ' '; i++) {
		ticks[i] = strtoull(end, &end, 10);
		all += ticks[i];
	}
	out->cpu[cpu].all = all;
	out->cpu[cpu].busy = all - ticks[IDLE] - ticks[IOWAIT];
}

void load__parse(const char *text, struct load *out)
{
	memset(out, 0, sizeof(*out));
	while (*text) {
		parse_line(text, out);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

/* All of a file of /proc, for free(); NULL and errno. */
static char *slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &room, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

int load__read(struct load *out, struct err *err)
{
	char *text = slurp("/proc/stat");

	if (!text)
		return err__set(err, errno ? -errno : -EIO, "cannot read /proc/stat: %s",
				strerror(errno));
	load__parse(text, out);
	free(text);
	return 0;
}

double load__busy(const struct load *before, const struct load *after, int cpu)
{
	uint64_t all = after->cpu[cpu].all - before->cpu[cpu].all;
	uint64_t busy = after->cpu[cpu].busy - before->cpu[cpu].busy;

	/* iowait may go backwards, proc(5). */
	if (after->cpu[cpu].all <= before->cpu[cpu].all ||
	    after->cpu[cpu].busy < before->cpu[cpu].busy)
		return 0;
	return busy < all ? 100.0 * (double)busy / (double)all : 100.0;
}

int load__quietest(const struct load *before, const struct load *after, const cpu_set_t *among)
{
	int best = -1;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, among))
			continue;
		if (best < 0 || load__busy(before, after, cpu) <= load__busy(before, after, best))
			best = cpu;
	}
	return best;
}

uint64_t load__parse_memory(const char *text)
{
	const char *row = strstr(text, "MemAvailable:");
	uint64_t kib = 0;

	return row && sscanf(row, "MemAvailable: %" SCNu64 " kB", &kib) == 1 ? kib * 1024 : 0;
}

uint64_t load__memory(void)
{
	char *text = slurp("/proc/meminfo");
	uint64_t bytes = text ? load__parse_memory(text) : 0;

	free(text);
	return bytes;
}
