/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <regex.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"
#include "core/addr.h"

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

const char *rule__file(const char *text)
{
	return *text == '/' ? NULL : "must be an absolute path, beginning with \"/\"";
}

/* What is damaged is moved away: a slip of the pen must not do that to another file. */
const char *rule__journal(const char *text)
{
	size_t len = strlen(text);

	if (rule__file(text))
		return rule__file(text);
	return len > 3 && strcmp(text + len - 3, ".db") == 0 ? NULL : "must end in \".db\"";
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

const char *rule__host_name(const char *text)
{
	return made_of(text, "._-", "is not a host name");
}

/* RFC 9110 9.1: a token; those in use are capital letters. */
const char *rule__http_method(const char *text)
{
	for (; *text; text++)
		if (*text < 'A' || *text > 'Z')
			return "is not a method of HTTP, as in GET or HEAD";
	return NULL;
}

/* RFC 9110 5.1: a token, a colon. Host and what frames the message are written otherwise. */
const char *rule__http_header(const char *text)
{
	static const char *const ours[] = {"host", "content-length", "transfer-encoding",
					   "connection"};
	size_t name = strcspn(text, ":");

	for (size_t i = 0; i < name; i++)
		if (!isascii(text[i]) ||
		    (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i])))
			return "is not a header, as in \"X-Probe: yes\"";
	if (!name || text[name] != ':')
		return "is not a header, as in \"X-Probe: yes\"";
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strlen(ours[i]) == name && strncasecmp(text, ours[i], name) == 0)
			return "is a header that fairlead writes itself; the name of the host is "
			       "the key \"host\"";
	return NULL;
}

const char *rule__regex(const char *text)
{
	regex_t re;

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
		return "is not an extended regular expression of POSIX";
	regfree(&re);
	return NULL;
}

static const char *one_of(const char *text, const char *const *words, const char *wrong)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return NULL;
	return wrong;
}

const char *rule__dns_record(const char *text)
{
	static const char *const types[] = {"A",   "AAAA", "CNAME", "MX",  "NS",
					    "PTR", "SOA",  "SRV",   "TXT", NULL};

	return one_of(text, types, "is not one of A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT");
}

const char *rule__color(const char *text)
{
	static const char *const colors[] = {"green", "yellow", NULL};

	return one_of(text, colors, "is not one of green, yellow");
}

/* POSIX names of environment variables. */
const char *rule__env(const char *text)
{
	size_t name =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	if (!name || isdigit((unsigned char)*text) || text[name] != '=')
		return "is not a variable, as in LANG=C";
	return NULL;
}

const char *rule__endpoint(const char *text)
{
	struct addr address;
	uint16_t port;

	return addr__parse_endpoint(text, &address, &port)
		       ? "is not an address and port, as in 192.0.2.1:26379 or [2001:db8::1]:26379"
		       : NULL;
}
