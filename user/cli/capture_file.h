/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture_file.h - the file of a capture: 0600, never over another by mistake, and of whole blocks whatever
 * happens.
 */
#ifndef FAIRLEAD_CLI_CAPTURE_FILE_H
#define FAIRLEAD_CLI_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct capture_file;

/*
 * "-": standard output. -EEXIST: there is such a file, and `force` is not given; with it, its content stays
 * until capture_file__begin().
 */
int capture_file__open(const char *path, bool force, struct capture_file **out, struct err *err);
int capture_file__begin(struct capture_file *f, struct err *err);

/* Whole blocks. On failure the file has none of them; standard output may have a part. */
int capture_file__write(struct capture_file *f, const uint8_t *data, size_t n, struct err *err);

/* Sees to it that all of it is on its way to the disk, where an error of it is told. */
int capture_file__close(struct capture_file *f, struct err *err);

uint64_t capture_file__written(const struct capture_file *f);

/* Removes a file that is new and has not begun. NULL is fine. */
void capture_file__free(struct capture_file *f);

#endif
