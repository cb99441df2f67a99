/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_proc.c - what files of the system say, most of them below /proc. */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/read.h"

#define MAX_CPUS 4096

int doctor_read__sysctl(const char *fmt, ...)
{
	char path[256] = "/proc/sys/";
	size_t at = strlen(path);
	int value = DOCTOR_UNKNOWN;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path + at, sizeof(path) - at, fmt, ap);
	va_end(ap);
	f = fopen(path, "re");
	if (!f)
		return DOCTOR_UNKNOWN;
	if (fscanf(f, "%d", &value) != 1)
		value = DOCTOR_UNKNOWN;
	fclose(f);
	return value;
}

/* Calls each() with every line of a file; false: it can't be read. */
static bool each_line(const char *path, void (*each)(void *ctx, const char *line), void *ctx)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	while (getline(&line, &size, f) >= 0)
		each(ctx, line);
	free(line);
	fclose(f);
	return true;
}

static void on_status(void *ctx, const char *line)
{
	struct doctor_agent *a = ctx;

	doctor_parse__capabilities(line, &a->capabilities);
	doctor_parse__identity(line, a);
}

static void on_limit(void *ctx, const char *line)
{
	struct doctor_agent *a = ctx;

	doctor_parse__limit(line, "Max open files", &a->files, &a->files_hard);
}

void doctor_read__process(struct doctor_agent *a)
{
	struct stat ours, theirs;
	char path[64];

	a->files = a->files_hard = DOCTOR_UNKNOWN;
	/* Namespaces are shown to those only who may look into the process. */
	snprintf(path, sizeof(path), "/proc/%d/ns/net", a->pid);
	if (stat(path, &theirs) || stat("/proc/self/ns/net", &ours))
		return;
	a->other_net = ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev;
	snprintf(path, sizeof(path), "/proc/%d/status", a->pid);
	a->pid_seen = each_line(path, on_status, a);
	snprintf(path, sizeof(path), "/proc/%d/limits", a->pid);
	each_line(path, on_limit, a);
}

static void on_release(void *ctx, const char *line)
{
	struct doctor_kernel *k = ctx;
	const char *image = doctor_parse__image(line);

	if (image)
		snprintf(k->image, sizeof(k->image), "%s", image);
}

void doctor_read__image(struct doctor_kernel *k)
{
	each_line("/etc/os-release", on_release, k);
}

static bool is_named(const char *pid, const char *name)
{
	char path[300], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(f);
	return strcmp(comm, name) == 0;
}

bool doctor_read__runs(const char *name)
{
	const struct dirent *e;
	bool found = false;
	DIR *d = opendir("/proc");

	while (d && !found && (e = readdir(d)))
		found = isdigit((unsigned char)e->d_name[0]) && is_named(e->d_name, name);
	if (d)
		closedir(d);
	return found;
}

struct interrupts {
	const struct doctor_device *device;
	uint32_t n;
	bool cpus[MAX_CPUS];
};

static void on_affinity(void *ctx, const char *line)
{
	struct interrupts *i = ctx;

	doctor_parse__cpus(line, i->cpus, MAX_CPUS);
}

static void on_interrupt(void *ctx, const char *line)
{
	struct interrupts *i = ctx;
	int number = doctor_parse__interrupt(line, i->device->name, i->device->bus);
	char path[64];

	if (number < 0)
		return;
	snprintf(path, sizeof(path), "/proc/irq/%d/effective_affinity_list", number);
	i->n += each_line(path, on_affinity, i);
}

void doctor_read__interrupts(struct doctor_device *d)
{
	struct interrupts i = {.device = d};

	each_line("/proc/interrupts", on_interrupt, &i);
	d->interrupts = i.n;
	for (size_t cpu = 0; cpu < MAX_CPUS; cpu++)
		d->interrupt_cpus += i.cpus[cpu];
}
