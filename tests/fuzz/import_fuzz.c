/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import_fuzz.c - any bytes as keepalived's configuration: there is a sentence that says what is wrong with it, or a
 * result that fairlead's own reader takes. No file is opened.
 */
#include <stdint.h>
#include <stdlib.h>

#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* What is long takes its time, and is short pieces one after the other. */
	struct import_options o = {.config_id = "lb1", .lines = 500};
	struct import_result r = {0};
	struct err err = {0};

	if (!size || size > 4096)
		return 0;
	if (import__text("fuzz", (const char *)data, size, &o, &r, &err)) {
		if (!err.text[0])
			abort();
	} else if (r.unloadable) {
		abort();
	}
	import_result__free(&r);
	return 0;
}
