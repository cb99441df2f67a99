/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/route.h"

#include <errno.h>
#include <string.h>

#define BACKENDS "/v1/backends/"

static const struct {
	const char *path;
	enum route_kind kind;
} fixed_paths[] = {
	{"/v1/status", ROUTE_STATUS},
	{"/v1/version", ROUTE_VERSION},
	{"/v1/config/apply", ROUTE_APPLY},
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Percent-decodes (RFC 3986 2.1) `len` bytes into out, which has room for `size` with its NUL. Only
 * printable ASCII comes through: ids and names are made of it, and what is echoed in an error must
 * be fit for JSON and for a terminal.
 */
static int decode(const char *what, const char *text, size_t len, char *out, size_t size,
		  struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err__set(
					err, -EINVAL,
					"the %s has a '%%' that two hex digits do not follow",
					what);
			c = hi << 4 | lo;
			i += 2;
		}
		if (c <= ' ' || c > '~')
			return err__set(
				err, -EINVAL,
				"the %s has a byte 0x%02x: only printable ASCII can be there", what,
				(unsigned int)c);
		if (n + 1 == size)
			return err__set(err, -EINVAL, "the %s is longer than %zu bytes", what,
					size - 1);
		out[n] = (char)c;
	}
	if (!n)
		return err__set(err, -EINVAL, "the %s is empty", what);
	out[n] = '\0';
	return 0;
}

/* "ID/drain" or "ID/undrain": what stands behind BACKENDS. */
static int parse_backend(const char *text, size_t len, struct route *out, struct err *err)
{
	const char *slash = memchr(text, '/', len);
	size_t id_len, verb_len;

	if (!slash)
		return -ENOENT;
	id_len = (size_t)(slash - text);
	verb_len = len - id_len - 1;
	if (verb_len == strlen("drain") && !memcmp(slash + 1, "drain", verb_len))
		out->kind = ROUTE_DRAIN;
	else if (verb_len == strlen("undrain") && !memcmp(slash + 1, "undrain", verb_len))
		out->kind = ROUTE_UNDRAIN;
	else
		return -ENOENT;
	return decode("backend's id", text, id_len, out->backend, sizeof(out->backend), err);
}

static int parse_path(const char *path, size_t len, struct route *out, struct err *err)
{
	for (size_t i = 0; i < sizeof(fixed_paths) / sizeof(fixed_paths[0]); i++) {
		if (strlen(fixed_paths[i].path) == len && !memcmp(fixed_paths[i].path, path, len)) {
			out->kind = fixed_paths[i].kind;
			return 0;
		}
	}
	if (len > strlen(BACKENDS) && !memcmp(path, BACKENDS, strlen(BACKENDS)))
		return parse_backend(path + strlen(BACKENDS), len - strlen(BACKENDS), out, err);
	return -ENOENT;
}

/*
 * A parameter that is not known is refused, not ignored: "?servce=web" would otherwise drain a
 * backend in every service that has it.
 */
static int parse_query(const char *query, struct route *out, struct err *err)
{
	bool takes_service = out->kind == ROUTE_DRAIN || out->kind == ROUTE_UNDRAIN;

	while (*query) {
		size_t len = strcspn(query, "&");
		size_t name_len = strcspn(query, "=&");
		int rc;

		if (!takes_service || name_len != strlen("service") ||
		    memcmp(query, "service", name_len) != 0)
			return err__set(err, -EINVAL, "'%.*s' is not a parameter of this path%s",
					(int)(name_len < 64 ? name_len : 64), query,
					takes_service ? ": only 'service' is" : "");
		if (out->service[0])
			return err__set(err, -EINVAL, "the parameter 'service' is there twice");
		if (query[name_len] == '=')
			name_len++;
		rc = decode("service's name", query + name_len, len - name_len, out->service,
			    sizeof(out->service), err);
		if (rc)
			return rc;
		query += len;
		if (*query == '&')
			query++;
	}
	return 0;
}

int route__parse(const char *uri, struct route *out, struct err *err)
{
	size_t path_len = strcspn(uri, "?");
	struct route r = {0};
	int rc;

	if (strnlen(uri, ROUTE_MAX_URI + 1) > ROUTE_MAX_URI)
		return err__set(err, -ENAMETOOLONG, "the request's path is longer than %d bytes",
				ROUTE_MAX_URI);
	rc = parse_path(uri, path_len, &r, err);
	if (rc == -ENOENT)
		return err__set(err, -ENOENT,
				"there is no such path: see fairlead(1) and docs/api.md");
	if (!rc && uri[path_len] == '?')
		rc = parse_query(uri + path_len + 1, &r, err);
	if (!rc)
		*out = r;
	return rc;
}

static bool is_read(const struct route *r)
{
	return r->kind == ROUTE_STATUS || r->kind == ROUTE_VERSION;
}

bool route__allows(const struct route *r, const char *method)
{
	if (is_read(r))
		return !strcmp(method, "GET") || !strcmp(method, "HEAD");
	return !strcmp(method, "POST");
}

const char *route__methods(const struct route *r)
{
	return is_read(r) ? "GET, HEAD" : "POST";
}
