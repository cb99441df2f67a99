/* SPDX-License-Identifier: GPL-2.0-or-later */
/* printable.h - what others say, made fit for logs and terminals. */
#ifndef FAIRLEAD_CORE_PRINTABLE_H
#define FAIRLEAD_CORE_PRINTABLE_H

#include <stddef.h>

/*
 * Copies as many of the bytes as fit into to[size], size >= 1, and ends them with a NUL; what is not
 * printable ASCII is a '?'.
 */
void printable__copy(char *to, size_t size, const void *bytes, size_t len);

#endif
