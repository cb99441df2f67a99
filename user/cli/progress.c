/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/progress.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"

#define BAR 30 /* columns */
#define REDRAW_MS 100
#define CLEAR "\r\033[K" /* ECMA-48: to the line's begin, and what is there erased */

uint64_t progress__now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress__bar(FILE *out, double share)
{
	int filled = (int)(share * BAR);

	fputs(CLEAR "[", out);
	for (int i = 0; i < BAR; i++)
		putc(i < filled ? '#' : '.', out);
	fputs("] ", out);
}

static void on_wait(void *progress)
{
	progress__tick(progress, progress__now_ms());
}

void progress__begin(struct progress *p, const char *what, bool quiet)
{
	*p = (struct progress){
		.out = !quiet && isatty(STDERR_FILENO) ? stderr : NULL,
		.what = what,
		.began_ms = progress__now_ms(),
	};
	if (p->out)
		client__while(on_wait, p);
}

void progress__step(struct progress *p, size_t done, size_t total)
{
	p->done = done;
	p->total = total;
	progress__tick(p, progress__now_ms());
}

void progress__tick(struct progress *p, uint64_t now_ms)
{
	uint64_t passed = now_ms - p->began_ms;

	if (!p->out || passed < PROGRESS_PATIENCE_MS ||
	    (p->drawn_ms && now_ms - p->drawn_ms < REDRAW_MS))
		return;
	p->drawn_ms = now_ms;
	if (p->total) {
		progress__bar(p->out, (double)p->done / (double)p->total);
		fprintf(p->out, "%s: %zu of %zu", p->what, p->done, p->total);
	} else {
		fprintf(p->out, CLEAR "%s: %" PRIu64 " s", p->what, passed / 1000);
	}
	fflush(p->out);
}

void progress__end(struct progress *p)
{
	client__while(NULL, NULL);
	if (p->drawn_ms) {
		fputs(CLEAR, p->out);
		fflush(p->out);
	}
}
