/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAIRLEAD_CORE_UTF8_H
#define FAIRLEAD_CORE_UTF8_H

#include <stddef.h>

/* Bytes of the character at `p` (RFC 3629), which a NUL ends somewhere; 0: there is none. */
size_t utf8__len(const char *p);

#endif
