/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outer.h - what is constant in outer headers: pure functions, see struct fl_backend in abi.h. */
#ifndef FAIRLEAD_PLANE_OUTER_H
#define FAIRLEAD_PLANE_OUTER_H

#include "core/addr.h"
#include "fairlead/abi.h"

/*
 * Fills src4, dst4, sum4 and src_mask from the source and the entry's own address. The first source_len
 * bits of the source (96 + prefix for IPv4) are fixed, the rest follows the flow. RFC 2003 3.1.
 */
void outer__fill4(struct fl_backend *b, const struct addr *source, uint8_t source_len);

/* src6 and src_mask (RFC 2473 5.1); only the last 32 bits of the source can follow the flow. */
void outer__fill6(struct fl_backend *b, const struct addr *source, uint8_t source_len);

#endif
