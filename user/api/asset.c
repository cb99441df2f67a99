/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/asset.h"
#include "core/fnv.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define EMBED(name, file)                                  \
	extern const char(name)[], name##_end[];           \
	__asm__(".pushsection .rodata\n" #name ":\n"       \
		".incbin \"user/dashboard/" file "\"\n"    \
		#name "_end:\n.byte 0\n.popsection\n")
/* clang-format on */

EMBED(asset_index, ASSET_PAGE);
EMBED(asset_style, "style.css");
EMBED(asset_icon, "icon.svg");
EMBED(asset_main, "main.js");
EMBED(asset_dom, "dom.js");
EMBED(asset_words, "words.js");
EMBED(asset_charts, "charts.js");
EMBED(asset_services, "services.js");
EMBED(asset_around, "around.js");
EMBED(asset_events, "events.js");
EMBED(asset_theme, "theme.js");

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JS "text/javascript; charset=utf-8"

static const struct asset assets[] = {
	{ASSET_PAGE, HTML, asset_index, asset_index_end},
	{"style.css", CSS, asset_style, asset_style_end},
	{"icon.svg", "image/svg+xml", asset_icon, asset_icon_end},
	{"main.js", JS, asset_main, asset_main_end},
	{"dom.js", JS, asset_dom, asset_dom_end},
	{"words.js", JS, asset_words, asset_words_end},
	{"charts.js", JS, asset_charts, asset_charts_end},
	{"services.js", JS, asset_services, asset_services_end},
	{"around.js", JS, asset_around, asset_around_end},
	{"events.js", JS, asset_events, asset_events_end},
	{"theme.js", JS, asset_theme, asset_theme_end},
};

const struct asset *asset__find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		if (strlen(assets[i].file) == len && !memcmp(assets[i].file, name, len))
			return &assets[i];
	}
	return NULL;
}

const char *asset__tag(const struct asset *a, char out[ASSET_TAG_LEN])
{
	uint64_t hash = fnv64(FNV64, a->text, (size_t)(a->end - a->text));

	snprintf(out, ASSET_TAG_LEN, "\"%016llx\"", (unsigned long long)hash);
	return out;
}
