/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_record.h - messages of DNS (RFC 1035): the question, and the records of an answer as text. */
#ifndef FAIRLEAD_PROBE_DNS_RECORD_H
#define FAIRLEAD_PROBE_DNS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_LEN 12 /* RFC 1035 4.1.1 */
#define DNS_QUESTION_MAX 320 /* bytes of a message that asks for one name */
#define DNS_TEXT_LEN 512 /* of a record as text, the closing NUL included; longer ones are cut */

struct dns_header {
	uint16_t id;
	bool answer; /* QR */
	bool truncated; /* TC: there was more than one datagram holds */
	uint8_t opcode, rcode;
	uint16_t questions, answers;
};

/* The number of a type that rule__dns_record() lets through; 0: another. */
uint16_t dns_record__type(const char *name);

/* A message that asks for `name`, recursion desired; its length, or -EINVAL: that is no name. */
int dns_record__question(const char *name, uint16_t type, uint16_t id,
			 uint8_t out[DNS_QUESTION_MAX]);

/* False: the message is too short to have a header. */
bool dns_record__header(const uint8_t *msg, size_t len, struct dns_header *out);

/* "NXDOMAIN"; "response code 11" for those without a name. buf has 24 bytes. */
const char *dns_record__rcode(uint8_t rcode, char buf[24]);

/*
 * The next answer of that type, from `*at` on (at first the length of the question), as text: an
 * address, a name without its last dot, "10 mail.example" of MX, "0 5 5060 sip.example" of SRV, the
 * seven parts of SOA, the strings of TXT in one. `*left`: how many answers are still there. 1: it is
 * in `text`; 0: there is none; -EBADMSG: the message is broken.
 */
int dns_record__next(const uint8_t *msg, size_t len, uint16_t type, size_t *at, uint16_t *left,
		     char text[DNS_TEXT_LEN]);

/* Whether a record's text is what is wanted: case does not count but in TXT, nor a last dot. */
bool dns_record__is(uint16_t type, const char *text, const char *wanted);

#endif
