/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_main.c - libFuzzer's way into an input; a broken rule is a crash. */
#include <stdio.h>
#include <stdlib.h>

#include "input.h"
#include "judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input__run(data, size);
	return 0;
}

static void dump(const char *what, const uint8_t *b, uint32_t len)
{
	fprintf(stderr, "%s, %u bytes:", what, len);
	for (uint32_t i = 0; i < len && i < 256; i++)
		fprintf(stderr, "%s%02x", i % 16 ? " " : "\n\t", b[i]);
	fputc('\n', stderr);
}

void judge__wrong(const struct judged *j, const char *rule)
{
	dump("in", j->in, j->in_len);
	dump("out", j->out, j->out_len);
	fprintf(stderr, "action %d, came by %u, redirected to %u\n%s\n", j->action, j->ingress,
		j->redirect_to, rule);
	abort();
}
