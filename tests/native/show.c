/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge.h"

#include <stdio.h>

#define SHOWN 256

static void show(const char *what, const uint8_t *b, uint32_t len)
{
	fprintf(stderr, "%s, %u bytes:", what, len);
	for (uint32_t i = 0; i < len && i < SHOWN; i++)
		fprintf(stderr, "%s%02x", i % 16 ? " " : "\n\t", b[i]);
	fputc('\n', stderr);
}

void judge__show(const struct judged *j)
{
	show("in", j->in, j->in_len);
	show("out", j->out, j->out_len);
	fprintf(stderr, "action %d, came by %u, redirected to %u\n", j->action, j->ingress,
		j->redirect_to);
}
