/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * share.h - the part of a configuration that peers have in common, as text: `services` and `sources`, with
 * their comments. The rest (interfaces, addresses, keys, files) is each machine's own.
 */
#ifndef FAIRLEAD_CONFIG_SHARE_H
#define FAIRLEAD_CONFIG_SHARE_H

#include <stddef.h>

#include "core/err.h"

/*
 * The common part of a text, in the order in which it stands there; it may be empty. -EINVAL and a sentence: it
 * is no mapping whose keys begin their lines; -ENOMEM. *out is the caller's to free, and ends with a NUL.
 */
int config_share__take(const char *text, size_t len, char **out, size_t *out_len, struct err *err);

/*
 * The text `own` with another common part, in the place of its own one. -EINVAL also when what
 * comes out would not have just that part, as with anchors that are used across it.
 */
int config_share__put(const char *own, size_t own_len, const char *shared, size_t shared_len,
		      char **out, size_t *out_len, struct err *err);

#endif
