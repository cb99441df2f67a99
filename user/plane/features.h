/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * features.h - what fairlead asks of a kernel, each tried by itself.
 *
 * Features are tried, not versions compared: distributions carry features back to old kernels, and
 * turn some off in new ones. Trying needs the capabilities that the agent needs.
 */
#ifndef FAIRLEAD_PLANE_FEATURES_H
#define FAIRLEAD_PLANE_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct plane_feature {
	bool (*has)(void);
	const char *what; /* for a sentence: "this kernel lacks ..." */
	const char *since; /* Linux has it since this version */
};

/*
 * The youngest first: the first one that is missing names what the kernel must be upgraded to at
 * least. *n is how many there are.
 */
const struct plane_feature *plane_features__list(size_t *n);

/* 0, or -errno: the kernel has no BTF of its own that this process can read. */
int plane_features__btf(void);

/* Whether programs can be replaced by others (BPF_PROG_TYPE_EXT), as sharing an interface needs. */
bool plane_features__sharing(void);

/* What libbpf has to say while features are tried, which is what they lack, is not printed. */
void plane_features__quiet(void);

#endif
