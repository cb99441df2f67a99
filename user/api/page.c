/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.c - the dashboard's files. A browser runs nothing but these, and asks nobody but this server: should a
 * name or a probe's words ever be taken for markup, nothing comes of it.
 */
#include "api/internal.h"

#include <string.h>

#define POLICY                                                                              \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "         \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " \
	"require-trusted-types-for 'script'; trusted-types 'none'"

/* RFC 9110 13.1.2: whether the client has that very content. */
static bool has_it(const struct api_request *r, const char *tag)
{
	const char *known =
		MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-None-Match");

	return known && (strstr(known, tag) || !strcmp(known, "*"));
}

static bool add_headers(struct MHD_Response *response, const char *type, const char *tag)
{
	const char *const headers[][2] = {
		{"Content-Type", type},
		/* It is asked for each time, and mostly answered with 304. */
		{"Cache-Control", "no-cache"},
		{"ETag", tag},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy", POLICY},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (MHD_add_response_header(response, headers[i][0], headers[i][1]) != MHD_YES)
			return false;
	}
	return true;
}

enum MHD_Result api_page__answer(struct api_request *r, const struct asset *a)
{
	char tag[ASSET_TAG_LEN];
	bool known = has_it(r, asset__tag(a, tag));
	struct MHD_Response *response = MHD_create_response_from_buffer(
		known ? 0 : (size_t)(a->end - a->text), (void *)a->text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc = MHD_NO;

	if (!response)
		return MHD_NO;
	if (add_headers(response, a->type, tag))
		rc = MHD_queue_response(r->connection, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
					response);
	MHD_destroy_response(response);
	return rc;
}
