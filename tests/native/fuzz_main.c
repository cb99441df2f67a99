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

void judge__wrong(const struct judged *j, const char *rule)
{
	judge__show(j);
	fprintf(stderr, "%s\n", rule);
	abort();
}
