/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/fiber.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* TLS and the C library's resolver want some 64 KiB; pages that are not touched cost nothing. */
#define STACK ((size_t)256 * 1024)

struct fiber {
	ucontext_t own, resumer;
	void (*run)(void *arg);
	void *arg;
	char *stack; /* its lowest page is not to be touched */
	bool over;
};

static struct fiber *running; /* the agent has one loop, on one thread */

static void enter(void)
{
	struct fiber *f = running;

	f->run(f->arg);
	f->over = true;
	/* uc_link takes it back to the resumer. */
}

int fiber__new(void (*run)(void *arg), void *arg, struct fiber **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct fiber *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (f->stack == MAP_FAILED || mprotect(f->stack, page, PROT_NONE) || getcontext(&f->own)) {
		if (f->stack != MAP_FAILED)
			munmap(f->stack, STACK);
		free(f);
		return -ENOMEM;
	}
	f->run = run;
	f->arg = arg;
	f->own.uc_stack.ss_sp = f->stack + page;
	f->own.uc_stack.ss_size = STACK - page;
	f->own.uc_link = &f->resumer;
	makecontext(&f->own, enter, 0);
	*out = f;
	return 0;
}

bool fiber__resume(struct fiber *f)
{
	running = f;
	swapcontext(&f->resumer, &f->own);
	running = NULL;
	return f->over;
}

void fiber__pause(void)
{
	struct fiber *f = running;

	swapcontext(&f->own, &f->resumer);
}

void *fiber__arg(void)
{
	return running ? running->arg : NULL;
}

void fiber__free(struct fiber *f)
{
	if (!f)
		return;
	munmap(f->stack, STACK);
	free(f);
}
