// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share.c - what a CPU does: a process's own work, softirqs (whoever they interrupt), all else.
 *
 * usage: share CPU SECONDS PID
 *
 * Looks a thousand times a second at what runs there (perf_event_open(2), the CPU's clock). The kernel
 * charges a softirq to the process that it interrupts, or to nobody on an idle CPU; so it is told here by
 * the calls that lead to the sample. Prints a line of JSON: shares of the samples.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HZ 1000
#define PAGES 256 /* of the ring, a power of two */
#define FRAMES 64 /* calls that a sample has at most */

/* Where the kernel runs softirqs: a name for each of its ages. */
static const char *const runners[] = {"handle_softirqs", "__do_softirq"};

struct range {
	uint64_t from, to;
};

struct sample {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t n, calls[];
};

static struct range softirqs[2];
static size_t n_softirqs;
static uint64_t own, softirq, idle, others;

static void die(const char *what)
{
	fprintf(stderr, "share: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool is_runner(const char *name)
{
	return strcmp(name, runners[0]) == 0 || strcmp(name, runners[1]) == 0;
}

/* A function ends where the next symbol begins: kallsyms is in order of addresses. */
static void find_softirqs(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long long at;
	char name[512];
	bool open = false;

	if (!f)
		die("/proc/kallsyms");
	while (fscanf(f, "%llx %*c %511s%*[^\n]", &at, name) == 2) {
		if (open && at != softirqs[n_softirqs].from) {
			softirqs[n_softirqs++].to = at;
			open = false;
		}
		if (!open && n_softirqs < 2 && is_runner(name)) {
			softirqs[n_softirqs].from = at;
			open = true;
		}
	}
	fclose(f);
	if (!n_softirqs || !softirqs[0].from) {
		errno = ENOENT;
		die("the kernel's function that runs softirqs");
	}
}

static bool in_softirq(const struct sample *s)
{
	for (uint64_t i = 0; i < s->n; i++) {
		for (size_t r = 0; r < n_softirqs; r++) {
			if (s->calls[i] >= softirqs[r].from && s->calls[i] < softirqs[r].to)
				return true;
		}
	}
	return false;
}

static void count(const struct sample *s, uint32_t pid)
{
	if (in_softirq(s))
		softirq++;
	else if (s->pid == pid)
		own++;
	else if (s->pid == 0)
		idle++;
	else
		others++;
}

/* All that the kernel has written. */
static void drain(struct perf_event_mmap_page *ring, uint32_t pid)
{
	const uint8_t *data = (const uint8_t *)ring + ring->data_offset;
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE), at = ring->data_tail;
	static uint8_t record[UINT16_MAX + 1] __attribute__((aligned(8)));

	while (at < head) {
		struct perf_event_header h;

		memcpy(&h, data + at % ring->data_size,
		       sizeof(h)); /* never wraps: multiples of 8 */
		for (uint16_t i = 0; i < h.size; i++)
			record[i] = data[(at + i) % ring->data_size];
		if (h.type == PERF_RECORD_SAMPLE)
			count((const struct sample *)record, pid);
		at += h.size;
	}
	__atomic_store_n(&ring->data_tail, at, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000 / HZ,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.sample_max_stack = FRAMES,
		.exclude_callchain_user = 1,
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *ring;
	struct timespec pause = {.tv_nsec = 50000000};
	double sum, left;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: share CPU SECONDS PID\n");
		return 2;
	}
	find_softirqs();
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, atoi(argv[1]), -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		die("perf_event_open");
	ring = mmap(NULL, (PAGES + 1) * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		die("mmap");
	for (left = atof(argv[2]); left > 0; left -= 0.05) {
		nanosleep(&pause, NULL);
		drain(ring, (uint32_t)atoi(argv[3]));
	}
	sum = (double)(own + softirq + idle + others);
	printf("{\"samples\": %.0f, \"own\": %.5f, \"softirq\": %.5f, \"idle\": %.5f, \"others\": %.5f}\n",
	       sum, (double)own / sum, (double)softirq / sum, (double)idle / sum,
	       (double)others / sum);
	return 0;
}
