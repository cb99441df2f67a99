/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff.h - what leads from one configuration to another, as an operator would say it: pure.
 *
 * Values are compared as they were understood, not as they were written: "900s" is "15m", and a default
 * is the same whether it is written down or not. Services, backends, peers and the like are told from
 * each other by their names, in whatever order they stand.
 */
#ifndef FAIRLEAD_CONFIG_DIFF_H
#define FAIRLEAD_CONFIG_DIFF_H

#include "config/config.h"

#define CONFIG_CHANGE_WHAT 128

enum config_change_kind { CONFIG_ADDED, CONFIG_REMOVED, CONFIG_CHANGED };

struct config_change {
	enum config_change_kind kind;
	char service[FL_NAME_LEN]; /* whose it is; "": the instance's */
	char backend[FL_ID_LEN]; /* likewise; "": the service's own */
	/*
	 * The key, "health.slow_start" or "vrrp[web].priority"; "": the service or the backend itself. Of a
	 * list of values each that comes or goes is a change.
	 */
	char what[CONFIG_CHANGE_WHAT];
	char *from, *to; /* "": nothing is said, as before it came or after it went */
};

struct config_changes {
	struct config_change *list; /* in the order of the keys, services by name */
	size_t n, room;
};

/* 0 or -ENOMEM; *out is to be freed in both cases. */
int config__diff(const struct config *from, const struct config *to, struct config_changes *out);
void config_changes__free(struct config_changes *c);

/* "added", "removed", "changed" */
const char *config_change__name(enum config_change_kind kind);

#endif
