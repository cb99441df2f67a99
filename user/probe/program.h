/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * program.h - a program of the operator's: no shell, a process group of its own, output that is bounded.
 *
 * It runs until it ends or is killed. When its leader has ended, whoever it has left behind is killed too.
 */
#ifndef FAIRLEAD_PROBE_PROGRAM_H
#define FAIRLEAD_PROBE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define PROGRAM_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct program;

/* What to run; nothing of it is needed once program__start() has returned. */
struct program_order {
	char **argv, **envp; /* ended by NULL; argv[0] is the file */
	const char *
		input; /* what it reads from its standard input, which ends then; NULL: it has none */
	size_t input_len;
};

/* How it ended, as a sentence would say it after "it". */
struct program_end {
	bool ok; /* with exit code 0, and not too much output */
	const char *line; /* the last line of its output that is not empty; "": there was none */
	char detail[192]; /* when !ok: "exit code 3: disk full" */
};

typedef void program_end_cb(void *ctx, const struct program_end *end);

/*
 * Starts it on that loop; on_end is called once, never from within, when it has ended and is gone. 0, or
 * -errno, and *out is untouched.
 */
int program__start(uv_loop_t *loop, const struct program_order *order, program_end_cb *on_end,
		   void *ctx, struct program **out);
/* The program and all that it has started, unless they left its group; on_end is called once it is gone. */
void program__kill(const struct program *p);
/* Kills it and does not wait for that: on_end is not called. */
void program__abandon(struct program *p);

#endif
