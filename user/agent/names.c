/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/names.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fairlead/abi.h"

static const struct {
	const char *name, *action, *text;
} verdicts[] = {
#define FL_VERDICT(name, action, text) {#name, #action, text},
#include "fairlead/reasons.def"
};

static const struct {
	const char *name, *text;
} notes[] = {
#define FL_NOTE(name, text) {#name, text},
#include "fairlead/reasons.def"
};

static const char *lower(const char *text, char *buf)
{
	size_t i = 0;

	for (; text[i] && i + 1 < NAMES_LEN; i++)
		buf[i] = (char)tolower((unsigned char)text[i]);
	buf[i] = '\0';
	return buf;
}

const char *names__verdict(uint32_t verdict, char *buf)
{
	return lower(verdict < FL_VERDICTS ? verdicts[verdict].name : "", buf);
}

const char *names__action(uint32_t verdict, char *buf)
{
	return lower(verdicts[verdict].action, buf);
}

const char *names__verdict_text(uint32_t verdict)
{
	return verdict < FL_VERDICTS ? verdicts[verdict].text : "";
}

const char *names__note(uint32_t note, char *buf)
{
	return lower(note < FL_NOTES ? notes[note].name : "", buf);
}

const char *names__note_text(uint32_t note)
{
	return note < FL_NOTES ? notes[note].text : "";
}

const char *names__ports(const struct config_service *c, char *buf)
{
	if (!c->port)
		snprintf(buf, NAMES_LEN, "any");
	else if (c->port == c->port_last)
		snprintf(buf, NAMES_LEN, "%u", c->port);
	else
		snprintf(buf, NAMES_LEN, "%u-%u", c->port, c->port_last);
	return buf;
}

const char *names__protocol(uint8_t proto, char *buf)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} known[] = {
		{IPPROTO_TCP, "tcp"},	{IPPROTO_UDP, "udp"},	    {IPPROTO_SCTP, "sctp"},
		{IPPROTO_ICMP, "icmp"}, {IPPROTO_ICMPV6, "icmpv6"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].proto == proto)
			return lower(known[i].name, buf);
	}
	snprintf(buf, NAMES_LEN, "%u", (unsigned int)proto);
	return buf;
}

/* `n` digits of a number that has no more; where they end. */
static char *put_digits(char *to, unsigned int value, size_t n)
{
	for (size_t i = n; i; i--, value /= 10)
		to[i - 1] = (char)('0' + value % 10);
	return to + n;
}

/* By hand, as each of thousands of backends has two of them. */
const char *names__time_text(uint64_t realtime_ns, char *buf)
{
	time_t t = (time_t)(realtime_ns / 1000000000);
	char *at = buf;
	struct tm tm;

	gmtime_r(&t, &tm);
	at = put_digits(at, (unsigned int)tm.tm_year + 1900, 4);
	*at++ = '-';
	at = put_digits(at, (unsigned int)tm.tm_mon + 1, 2);
	*at++ = '-';
	at = put_digits(at, (unsigned int)tm.tm_mday, 2);
	*at++ = 'T';
	at = put_digits(at, (unsigned int)tm.tm_hour, 2);
	*at++ = ':';
	at = put_digits(at, (unsigned int)tm.tm_min, 2);
	*at++ = ':';
	at = put_digits(at, (unsigned int)tm.tm_sec, 2);
	*at++ = '.';
	at = put_digits(at, (unsigned int)(realtime_ns / 1000000 % 1000), 3);
	*at++ = 'Z';
	*at = '\0';
	return buf;
}

json_t *names__time(uint64_t realtime_ns)
{
	char text[NAMES_LEN];

	return json_string(names__time_text(realtime_ns, text));
}
