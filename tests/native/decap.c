/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decap.c - decap.bpf.c, which has no maps, as it is. */
#include "../../bpf/decap.bpf.c"
