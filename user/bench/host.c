/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RCU_EXPEDITED "/sys/kernel/rcu_expedited"
#define BPFFS "/sys/fs/bpf"
#define LOW_NICE 10 /* a tenth of what others get; less, and it would never end beside them */

extern char **environ;

static volatile sig_atomic_t stop;
static struct host_manners manners;
static int measuring_cpu;
static bool fifo;
static char rcu_before[8]; /* "" when it could not be read, or is not to be touched */

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

int host__stopped(struct err *err)
{
	return stop ? err__set(err, -EINTR, "stopped by a signal: no results are written") : 0;
}

static int read_line(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static void write_rcu(const char *value)
{
	int fd = rcu_before[0] ? open(RCU_EXPEDITED, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		perror("bench: " RCU_EXPEDITED);
	close(fd);
}

/* Of those that this process may use the last one, unless told: the first ones get most interrupts. */
static int pin(struct err *err)
{
	cpu_set_t set;

	measuring_cpu = -1;

	if (sched_getaffinity(0, sizeof(set), &set))
		return err__set(err, -errno, "cannot read the CPUs of this process: %s",
				strerror(errno));
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &set) || (manners.cpu >= 0 && manners.cpu != cpu))
			continue;
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		measuring_cpu = cpu;
		break;
	}
	if (measuring_cpu < 0)
		return err__set(err, -EINVAL, "CPU %d is not there, or not for this process",
				manners.cpu);
	if (sched_setaffinity(0, sizeof(set), &set))
		return err__set(err, -errno, "cannot keep to CPU %d: %s", measuring_cpu,
				strerror(errno));
	return 0;
}

int host__enter(const struct host_manners *m, struct err *err)
{
	const struct sigaction action = {.sa_handler = on_signal};

	manners = *m;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err__set(err, -errno,
				"cannot make namespaces: %s; run the benchmark as root",
				strerror(errno));
	if (mount("bpf", BPFFS, "bpf", 0, NULL))
		return err__set(
			err, -errno,
			"cannot mount a bpffs at %s: %s; the kernel needs CONFIG_BPF_SYSCALL",
			BPFFS, strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!m->expedite || read_line(RCU_EXPEDITED, rcu_before, sizeof(rcu_before)))
		rcu_before[0] = '\0';
	host__quiet(false);
	return pin(err);
}

void host__leave(void)
{
	write_rcu(rcu_before);
}

/*
 * Only while programs run: whoever is in the kernel to make or fill something there has locks that others wait
 * for, and must not wait long itself. The scheduler's group of a session, sched(7), weighs as any other.
 */
static void step_back(bool on)
{
	char text[16];
	int fd;

	if (setpriority(PRIO_PROCESS, 0, on ? LOW_NICE : 0))
		perror("bench: setpriority");
	fd = getsid(0) == getpid() ? open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	snprintf(text, sizeof(text), "%d", on ? LOW_NICE : 0);
	(void)!write(fd, text, strlen(text));
	close(fd);
}

void host__quiet(bool on)
{
	const struct sched_param first = {.sched_priority = 1}, usual = {0};

	write_rcu(on ? "0" : "1");
	if (!manners.first)
		step_back(on);
	else if (on)
		fifo = sched_setscheduler(0, SCHED_FIFO, &first) == 0;
	else
		sched_setscheduler(0, SCHED_OTHER, &usual);
}

void host__model(char *buf, size_t len)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(buf, len, "unknown CPU");
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(buf, len, "%s", colon + 2);
		break;
	}
	if (f)
		fclose(f);
}

void host__describe(void)
{
	char model[128], load[64] = "?";
	struct utsname u;

	uname(&u);
	host__model(model, sizeof(model));
	read_line("/proc/loadavg", load, sizeof(load));
	printf("Linux %s %s, %ld x %s, measuring on CPU %d%s, load average %s\n", u.release,
	       u.machine, sysconf(_SC_NPROCESSORS_ONLN), model, measuring_cpu,
	       fifo ? " (SCHED_FIFO)" : "; SCHED_FIFO is not allowed", load);
}

int host__command(const char *const argv[], struct err *err)
{
	int status = 0, rc;
	pid_t pid;

	rc = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (rc)
		return err__set(err, -rc, "cannot run %s: %s", argv[0], strerror(rc));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		return err__set(err, -EIO, "%s %s %s failed, its words are above", argv[0],
				argv[1] ? argv[1] : "", argv[1] && argv[2] ? argv[2] : "");
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t host__cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t host__now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
