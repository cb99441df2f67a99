/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/openapi.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".globl openapi_begin, openapi_end\n"
	"openapi_begin:\n"
	".incbin \"docs/openapi.json\"\n"
	"openapi_end:\n"
	".popsection\n");
/* clang-format on */
