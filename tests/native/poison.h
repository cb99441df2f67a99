/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poison.h - bytes that no program may touch. Without ASan (coverage builds) nothing is watched. */
#ifndef FAIRLEAD_TESTS_NATIVE_POISON_H
#define FAIRLEAD_TESTS_NATIVE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define poison(at, len) __asan_poison_memory_region((at), (len))
#define unpoison(at, len) __asan_unpoison_memory_region((at), (len))
#else
#define poison(at, len) ((void)(at), (void)(len))
#define unpoison(at, len) ((void)(at), (void)(len))
#endif

#endif
