/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/openapi.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".globl openapi_text, openapi_len\n"
	"openapi_text:\n"
	".incbin \"docs/openapi.json\"\n"
	"openapi_end:\n"
	".balign 8\n"
	"openapi_len:\n"
	".8byte openapi_end - openapi_text\n"
	".popsection\n");
/* clang-format on */
