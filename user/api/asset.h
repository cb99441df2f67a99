/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asset.h - the dashboard's files (user/dashboard/), as they were when this was built. */
#ifndef FAIRLEAD_API_ASSET_H
#define FAIRLEAD_API_ASSET_H

#include <stddef.h>

struct asset {
	const char *file; /* its name there */
	const char *type; /* as Content-Type has it */
	const char *text, *end;
};

#define ASSET_PAGE "index.html"
#define ASSET_TAG_LEN 19 /* with its NUL */

/* The file of that name; NULL: there is none. */
const struct asset *asset__find(const char *name, size_t len);
/* Its entity tag, quotes included (RFC 9110 8.8.3): another one for another content. */
const char *asset__tag(const struct asset *a, char out[ASSET_TAG_LEN]);

#endif
