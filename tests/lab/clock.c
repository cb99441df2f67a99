/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock.c - to be preloaded: the time of the day is off by the seconds that the file FL_CLOCK holds (a 64-bit
 * number), and follows it. The machine's own clock is everybody's.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FL_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		abort();
	close(fd);
	offset_s = at;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, t);

	if (!rc && clock == CLOCK_REALTIME && offset_s)
		t->tv_sec += *offset_s;
	return rc;
}
