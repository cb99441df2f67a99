/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fiber.h - a call that can be left in its middle and gone on with later.
 *
 * For libraries that wait in the middle of a call and ask the caller to do the waiting. A fiber has a
 * stack of its own; it runs on the thread that resumes it, and never while another one runs.
 */
#ifndef FAIRLEAD_PROBE_FIBER_H
#define FAIRLEAD_PROBE_FIBER_H

#include <stdbool.h>

struct fiber;

/* Makes a fiber that will call run(arg); nothing runs yet. 0 or -ENOMEM. */
int fiber__new(void (*run)(void *arg), void *arg, struct fiber **out);

/* Runs it until it pauses or run() returns. True: it is over. Not from within a fiber. */
bool fiber__resume(struct fiber *f);

/* Within a fiber: gives the thread back to who has resumed it, until it is resumed again. */
void fiber__pause(void);

/* The `arg` of the fiber that runs; NULL outside of fibers. */
void *fiber__arg(void);

/* Only of one that is over or has never run: what lies on the stack of another one would be lost. */
void fiber__free(struct fiber *f);

#endif
