/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64.h - bytes as text and back (RFC 4648 4). */
#ifndef FAIRLEAD_CORE_BASE64_H
#define FAIRLEAD_CORE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* characters of n bytes */

/* Writes BASE64_LEN(n) characters and no NUL. */
void base64__encode(const uint8_t *data, size_t n, char *out);

/*
 * Writes at most len / 4 * 3 bytes, and how many to *n. -EINVAL: not base64 (other characters, no padding,
 * bits behind the end that are not zero).
 */
int base64__decode(const char *text, size_t len, uint8_t *out, size_t *n);

#endif
