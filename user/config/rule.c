/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <string.h>

#include "config/value.h"

static const char *made_of(const char *text, const char *marks, const char *wrong)
{
	for (; *text; text++)
		if (!(isascii(*text) && isalnum((unsigned char)*text)) && !strchr(marks, *text))
			return wrong;
	return NULL;
}

/* "." and ".." are no names of files, and "-x" looks like an option of a command. */
static bool begins_well(const char *text)
{
	return isascii(*text) && isalnum((unsigned char)*text);
}

const char *rule__instance(const char *text)
{
	if (!begins_well(text))
		return "must begin with a letter or a digit";
	return made_of(text, "._-", "may hold only letters, digits and . _ -");
}

const char *rule__id(const char *text)
{
	if (!begins_well(text) && *text != ':')
		return "must begin with a letter, a digit or \":\"";
	return made_of(text, "._-:", "may hold only letters, digits and . _ - :");
}

/* As dev_valid_name() of the kernel. */
const char *rule__interface(const char *text)
{
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return "is not an interface name";
	for (; *text; text++)
		if (*text == '/' || *text == ':' || isspace((unsigned char)*text))
			return "is not an interface name: no space, \"/\" or \":\" is allowed";
	return NULL;
}

const char *rule__group(const char *text)
{
	return made_of(text, "._-", "may hold only letters, digits and . _ -");
}

const char *rule__socket(const char *text)
{
	return *text == '/' ? NULL : "must be an absolute path, beginning with \"/\"";
}

/* Printable ASCII without the space that would end the target of the request (RFC 9112 3). */
static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || !isgraph((unsigned char)*text))
			return false;
	return true;
}

const char *rule__http_path(const char *text)
{
	if (*text != '/')
		return "must begin with \"/\"";
	return is_visible(text) ? NULL : "may hold only printable ASCII; write the rest as %20";
}

const char *rule__http_host(const char *text)
{
	return made_of(text, "._-:[]", "is not a host name, an address or host:port");
}
