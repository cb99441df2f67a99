/* SPDX-License-Identifier: GPL-2.0-or-later */
/* openapi.h - docs/openapi.json, as it was when this was built. */
#ifndef FAIRLEAD_API_OPENAPI_H
#define FAIRLEAD_API_OPENAPI_H

#include <stdint.h>

extern const char openapi_text[]; /* without a NUL */
extern const uint64_t openapi_len; /* bytes */

#endif
