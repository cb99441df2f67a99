/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns_record.c - c-ares makes questions and reads names, which is where messages of DNS can lie
 * (RFC 1035 4.1.4: a pointer to itself). The rest of a record is numbers at known places.
 */
#define CARES_NO_DEPRECATED /* 1.28 and later prefer functions that 1.18 has not */
#include "probe/dns_record.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/addr.h"
#include "probe/talk.h"
#include "probe/wire.h"

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{"A", ns_t_a},	   {"AAAA", ns_t_aaaa}, {"CNAME", ns_t_cname},
	{"MX", ns_t_mx},   {"NS", ns_t_ns},	{"PTR", ns_t_ptr},
	{"SOA", ns_t_soa}, {"SRV", ns_t_srv},	{"TXT", ns_t_txt},
};

uint16_t dns_record__type(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	return 0;
}

int dns_record__question(const char *name, uint16_t type, uint16_t id,
			 uint8_t out[DNS_QUESTION_MAX])
{
	unsigned char *made = NULL;
	int len = 0;
	bool fits;

	if (ares_create_query(name, ns_c_in, type, id, 1, &made, &len, 0) != ARES_SUCCESS)
		return -EINVAL;
	fits = len <= DNS_QUESTION_MAX;
	if (fits)
		memcpy(out, made, (size_t)len);
	ares_free_string(made);
	return fits ? len : -EINVAL;
}

bool dns_record__header(const uint8_t *msg, size_t len, struct dns_header *out)
{
	if (len < DNS_HEADER_LEN)
		return false;
	out->id = wire__get16(msg);
	out->answer = msg[2] >> 7;
	out->opcode = msg[2] >> 3 & 15;
	out->truncated = msg[2] >> 1 & 1;
	out->rcode = msg[3] & 15;
	out->questions = wire__get16(msg + 4);
	out->answers = wire__get16(msg + 6);
	return true;
}

const char *dns_record__rcode(uint8_t rcode, char buf[24])
{
	static const char *const names[] = {"NOERROR",	"FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};

	if (rcode < sizeof(names) / sizeof(*names))
		return names[rcode];
	snprintf(buf, 24, "response code %u", rcode);
	return buf;
}

/* Appends the name at *at to the text, and puts *at behind it. False: it is broken. */
static bool put_name(const uint8_t *msg, size_t len, size_t *at, char text[DNS_TEXT_LEN])
{
	size_t used = strlen(text);
	char *name;
	long taken;

	if (*at >= len || ares_expand_name(msg + *at, msg, (int)len, &name, &taken) != ARES_SUCCESS)
		return false;
	*at += (size_t)taken;
	snprintf(text + used, DNS_TEXT_LEN - used, "%s", name);
	ares_free_string(name);
	return true;
}

/* RFC 1035 3.3.14: strings that begin with their length. */
static bool put_strings(const uint8_t *data, size_t len, char text[DNS_TEXT_LEN])
{
	size_t used = 0;

	for (size_t at = 0; at < len; at += 1 + data[at]) {
		if (data[at] > len - at - 1)
			return false;
		talk__text(text + used, DNS_TEXT_LEN - used, data + at + 1, data[at]);
		used += strlen(text + used);
	}
	return true;
}

/* RFC 1035 3.3.13: two names and five numbers. */
static bool put_soa(const uint8_t *msg, size_t len, size_t at, size_t end, char text[DNS_TEXT_LEN])
{
	size_t used;

	if (!put_name(msg, len, &at, text))
		return false;
	used = strlen(text);
	snprintf(text + used, DNS_TEXT_LEN - used, " ");
	if (!put_name(msg, len, &at, text) || at + 20 != end)
		return false;
	for (; at < end; at += 4) {
		used = strlen(text);
		snprintf(text + used, DNS_TEXT_LEN - used, " %u", wire__get32(msg + at));
	}
	return true;
}

/* The data of a record, msg[at..end), as text. False: it is broken. */
static bool format(const uint8_t *msg, size_t len, uint16_t type, size_t at, size_t end,
		   char text[DNS_TEXT_LEN])
{
	const uint8_t *data = msg + at;
	size_t n = end - at;

	text[0] = '\0';
	switch (type) {
	case ns_t_a:
		return n == 4 && inet_ntop(AF_INET, data, text, DNS_TEXT_LEN);
	case ns_t_aaaa:
		return n == 16 && inet_ntop(AF_INET6, data, text, DNS_TEXT_LEN);
	case ns_t_txt:
		return put_strings(data, n, text);
	case ns_t_soa:
		return put_soa(msg, len, at, end, text);
	case ns_t_mx:
		if (n < 3)
			return false;
		snprintf(text, DNS_TEXT_LEN, "%u ", wire__get16(data));
		at += 2;
		break;
	case ns_t_srv:
		if (n < 7)
			return false;
		snprintf(text, DNS_TEXT_LEN, "%u %u %u ", wire__get16(data), wire__get16(data + 2),
			 wire__get16(data + 4));
		at += 6;
		break;
	default:
		break;
	}
	return put_name(msg, len, &at, text) && at == end;
}

int dns_record__next(const uint8_t *msg, size_t len, uint16_t type, size_t *at, uint16_t *left,
		     char text[DNS_TEXT_LEN])
{
	while (*left) {
		char owner[DNS_TEXT_LEN] = "";
		size_t data, end;

		--*left;
		if (!put_name(msg, len, at, owner) || len - *at < 10)
			return -EBADMSG;
		/* RFC 1035 4.1.3: type, class, time to live, length */
		data = *at + 10;
		end = data + wire__get16(msg + *at + 8);
		if (end > len)
			return -EBADMSG;
		if (wire__get16(msg + *at) == type && wire__get16(msg + *at + 2) == ns_c_in) {
			*at = end;
			return format(msg, len, type, data, end, text) ? 1 : -EBADMSG;
		}
		*at = end;
	}
	return 0;
}

bool dns_record__is(uint16_t type, const char *text, const char *wanted)
{
	size_t len = strlen(wanted);
	struct addr a, b;

	if (type == ns_t_txt)
		return strcmp(text, wanted) == 0;
	if (type == ns_t_a || type == ns_t_aaaa)
		return !addr__parse(text, &a) && !addr__parse(wanted, &b) && addr__equal(&a, &b);
	if (type != ns_t_soa && len > 1 && wanted[len - 1] == '.')
		len--;
	return strlen(text) == len && strncasecmp(text, wanted, len) == 0;
}
