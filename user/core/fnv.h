/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fnv.h - FNV-1a: hashes of what nobody chooses to collide (names and addresses of the file, texts of our own).
 * Each takes what the one before has made, the first one FNV32 or FNV64.
 */
#ifndef FAIRLEAD_CORE_FNV_H
#define FAIRLEAD_CORE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV32 2166136261u
#define FNV64 UINT64_C(14695981039346656037)

static inline uint32_t fnv32(uint32_t hash, const void *bytes, size_t len)
{
	for (const uint8_t *b = bytes; len--; b++)
		hash = (hash ^ *b) * 16777619u;
	return hash;
}

static inline uint64_t fnv64(uint64_t hash, const void *bytes, size_t len)
{
	for (const uint8_t *b = bytes; len--; b++)
		hash = (hash ^ *b) * UINT64_C(1099511628211);
	return hash;
}

#endif
