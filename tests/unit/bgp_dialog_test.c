/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What BIRD and FRR say, in one piece and byte by byte, cut off anywhere, and spoilt. The answers are those
 * of BIRD 2.0.12 and FRR 8.4.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/dialog.h"

static const struct config_track_bgp bird = {.daemon = CONFIG_BGP_BIRD, .session = "up4"};
static const struct config_track_bgp frr = {.daemon = CONFIG_BGP_FRR, .session = "192.0.2.1"};
static const struct config_track_bgp red = {
	.daemon = CONFIG_BGP_FRR, .session = "2001:db8::1", .vrf = "red"};

#define HEAD "2002-Name       Proto      Table      State  Since         Info\n"
#define BYTES(s) (s), sizeof(s) - 1

static struct bgp_dialog d;

/* Feeds bytes in pieces; stops at what is not BGP_MORE. */
static enum bgp_next feed(const char *bytes, size_t len, size_t piece)
{
	enum bgp_next next = BGP_MORE;

	for (size_t at = 0; at < len && next == BGP_MORE; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		assert_true(n <= sizeof(d.in) - d.len);
		memcpy(d.in + d.len, bytes + at, n);
		next = bgp_dialog__take(&d, n);
	}
	return next;
}

static void assert_says(enum bgp_next next, const char *text, size_t len)
{
	assert_int_equal(next, BGP_SAY);
	assert_int_equal(d.say_len, len);
	assert_memory_equal(d.say, text, len);
}

/* Up to the question. */
static void begin(const struct config_track_bgp *s, size_t piece)
{
	enum bgp_next next = bgp_dialog__begin(&d, s);

	if (s->daemon == CONFIG_BGP_BIRD) {
		assert_int_equal(next, BGP_MORE);
		assert_says(feed(BYTES("0001 BIRD 2.0.12 ready.\n"), piece), BYTES("restrict\n"));
		assert_says(feed(BYTES("0016 Access restricted\n"), piece),
			    BYTES("show protocols \"up4\"\n"));
	} else if (s == &frr) {
		assert_says(next, BYTES("show bgp neighbors 192.0.2.1 json\0"));
	} else {
		assert_says(next, BYTES("show bgp vrf red neighbors 2001:db8::1 json\0"));
	}
}

struct row {
	const struct config_track_bgp *session;
	const char *bytes;
	size_t len;
	enum bgp_next next;
	bool up;
	const char *text;
};

#define UP4(rest) HEAD "1002-up4        BGP        ---        " rest "\n0000 \n"

static const struct row rows[] = {
	{&bird, BYTES(UP4("up     02:37:21.974  Established   ")), BGP_ANSWER, true,
	 "BIRD says \"up, 02:37:21.974 Established\""},
	/* Times of other formats have spaces. */
	{&bird, BYTES(UP4("up     2026-11-29 02:37:21  Established   ")), BGP_ANSWER, true,
	 "BIRD says \"up, 2026-11-29 02:37:21 Established\""},
	{&bird, BYTES(UP4("start  02:37:19.446  Connect       Socket: No route to host")),
	 BGP_ANSWER, false, "BIRD says \"start, 02:37:19.446 Connect Socket: No route to host\""},
	{&bird, BYTES(UP4("down   02:37:19.446  ")), BGP_ANSWER, false,
	 "BIRD says \"down, 02:37:19.446\""},
	/* An upward state is told by its own column, whatever else is in the line. */
	{&bird, BYTES(UP4("start  02:37:19.446  up Established")), BGP_ANSWER, false,
	 "BIRD says \"start, 02:37:19.446 up Established\""},
	{&bird, BYTES(UP4("")), BGP_ANSWER, false, "BIRD says \"\""},
	{&bird, BYTES(HEAD "1002-up4        Static     master4    up     02:37:19.446  \n0000 \n"),
	 BGP_ANSWER, false, "this protocol is Static and not BGP"},
	/* The others of several are not it, and the first of its name is. */
	{&bird,
	 BYTES(HEAD "1002-up44       BGP        ---        up     1  Established\n"
		    " up4        BGP        ---        start  1  Active\n"
		    " up4        BGP        ---        up     1  Established\n0000 \n"),
	 BGP_ANSWER, false, "BIRD says \"start, 1 Active\""},
	{&bird, BYTES(HEAD "1002-up44       BGP        ---        up     1  Established\n0000 \n"),
	 BGP_ANSWER, false, "BIRD has no protocol of that name"},
	{&bird, BYTES("8003 No protocols match\n"), BGP_ANSWER, false,
	 "BIRD has no protocol of that name"},
	{&bird, BYTES("9001 syntax error, unexpected TEXT\n"), BGP_ANSWER, false,
	 "BIRD answers \"9001 syntax error, unexpected TEXT\""},
	{&bird, BYTES("8007 \033[31mdenied\n"), BGP_ANSWER, false,
	 "BIRD answers \"8007 ?[31mdenied\""},
	{&bird, BYTES("HTTP/1.0 400 Bad\r\n"), BGP_BROKEN, false,
	 "BIRD answers \"HTTP/1.0 400 Bad?\""},
	/* Another reply's lines are no protocols. */
	{&bird, BYTES("1003-up4 BGP --- up 1 Established\n0000 \n"), BGP_ANSWER, false,
	 "BIRD has no protocol of that name"},
	{&frr,
	 BYTES("{\n  \"192.0.2.1\":{\n    \"remoteAs\":65001,\n"
	       "    \"bgpState\":\"Established\",\n    \"lastResetDueTo\":\"x\"\n  }\n}\n\0\0\0\0"),
	 BGP_ANSWER, true, "FRR says \"Established\""},
	{&red,
	 BYTES("{\"eth1\":{\"bgpState\":\"Idle\",\"lastResetDueTo\":\"Waiting for Peer IPv6 LLA\"}}"
	       "\n\0\0\0\0"),
	 BGP_ANSWER, false, "FRR says \"Idle\", after: Waiting for Peer IPv6 LLA"},
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":\"Active\",\"lastResetDueTo\":7}}\n\0\0\0\0"),
	 BGP_ANSWER, false, "FRR says \"Active\""},
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":\"established\"}}\0\0\0\0"), BGP_ANSWER, false,
	 "FRR says \"established\""},
	/* The word alone is it. */
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":\"Established \\u0007\"}}\0\0\0\0"), BGP_ANSWER,
	 false, "FRR says \"Established ?\""},
	{&frr, BYTES("{\n  \"bgpNoSuchNeighbor\":true\n}\n\0\0\0\0"), BGP_ANSWER, false,
	 "FRR has no neighbour of that name"},
	{&red, BYTES("{\n}\n\0\0\0\1"), BGP_ANSWER, false,
	 "FRR has no neighbour of that name in VRF red"},
	/* There is no BGP in the VRF, though there may be in others. */
	{&frr, BYTES("{}\n\0\0\0\0"), BGP_ANSWER, false, "FRR has no neighbour of that name"},
	/* Of several at once ("vrf all") none is the one that was asked for. */
	{&frr,
	 BYTES("{\n\"default\":{\n  \"vrfId\":0,\n  \"vrfName\":\"default\",\n  \"192.0.2.1\":{\n"
	       "    \"remoteAs\":65000,\n    \"bgpState\":\"Established\"\n  }\n}\n,\n\"red\":{\n"
	       "  \"vrfId\":-1,\n  \"vrfName\":\"red\",\n  \"bgpNoSuchNeighbor\":true\n}\n}\n"
	       "\0\0\0\0"),
	 BGP_ANSWER, false, "FRR has no neighbour of that name"},
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":1},\"bgpState\":\"Established\"}\0\0\0\0"),
	 BGP_ANSWER, false, "FRR has no neighbour of that name"},
	{&frr, BYTES("% [BGP] Unknown command: show\n\0\0\0\2"), BGP_ANSWER, false,
	 "FRR answers \"% [BGP] Unknown command: show\", status 2"},
	{&frr, BYTES("\0\0\0\0"), BGP_ANSWER, false, "FRR answers \"\", status 0"},
	{&frr, BYTES("[\"Established\"]\0\0\0\0"), BGP_ANSWER, false,
	 "FRR answers \"[\"Established\"]\", status 0"},
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":\"Established\"}}\0\0x\0"), BGP_BROKEN, false,
	 "what answers there does not speak as FRR's bgpd"},
	{&frr, BYTES("{\"192.0.2.1\":{\"bgpState\":\"Established\"}}\0x\0\0"), BGP_BROKEN, false,
	 "what answers there does not speak as FRR's bgpd"},
};

static void test_answers(void **state)
{
	static const size_t pieces[] = {BGP_REPLY_MAX, 1, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];

		for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
			begin(r->session, pieces[p]);
			assert_int_equal(feed(r->bytes, r->len, pieces[p]), r->next);
			assert_string_equal(d.text, r->text);
			assert_int_equal(d.up, r->up);
		}
		/* The connection can be used again, and nothing is left of the answer. */
		if (r->next != BGP_ANSWER)
			continue;
		assert_int_equal(bgp_dialog__ask(&d), BGP_SAY);
		assert_int_equal(feed(r->bytes, r->len, 5), BGP_ANSWER);
		assert_string_equal(d.text, r->text);
		assert_int_equal(d.up, r->up);
	}
}

/* Cut off anywhere: no answer, and above all not that it is up. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];

		for (size_t cut = 0; cut < r->len; cut++) {
			begin(r->session, BGP_REPLY_MAX);
			if (r->next == BGP_ANSWER)
				assert_int_equal(feed(r->bytes, cut, BGP_REPLY_MAX), BGP_MORE);
			else
				assert_int_not_equal(feed(r->bytes, cut, BGP_REPLY_MAX),
						     BGP_ANSWER);
		}
	}
}

static void assert_broken(enum bgp_next next, const char *text)
{
	assert_int_equal(next, BGP_BROKEN);
	assert_false(d.up);
	assert_string_equal(d.text, text);
}

static void test_more_than_asked(void **state)
{
	(void)state;
	begin(&bird, 1);
	assert_broken(feed(BYTES("8003 No protocols match\n0000 \n"), BGP_REPLY_MAX),
		      "BIRD says more than it was asked");
	bgp_dialog__begin(&d, &bird);
	assert_broken(feed(BYTES("0001 BIRD ready.\n0016 Access restricted\n"), BGP_REPLY_MAX),
		      "BIRD says more than it was asked");
	begin(&frr, 1);
	assert_broken(feed(BYTES("{}\0\0\0\0{}"), BGP_REPLY_MAX),
		      "what answers there does not speak as FRR's bgpd");
	begin(&bird, 1);
	assert_int_equal(feed(BYTES(UP4("up  1 Established")), BGP_REPLY_MAX), BGP_ANSWER);
	assert_true(d.up);
	assert_broken(feed(BYTES("0"), 1), "BIRD speaks without being asked");
	begin(&frr, 1);
	assert_int_equal(feed(BYTES("{}\0\0\0\0"), BGP_REPLY_MAX), BGP_ANSWER);
	assert_broken(feed(BYTES("0"), 1), "FRR speaks without being asked");
}

/* Nothing is asked of who does not greet, or does not give up the right to change things. */
static void test_greeting(void **state)
{
	(void)state;
	bgp_dialog__begin(&d, &bird);
	assert_broken(feed(BYTES("0013 busy\n"), 3), "BIRD answers \"0013 busy\"");
	bgp_dialog__begin(&d, &bird);
	assert_broken(feed(BYTES(" BIRD 2.0.12 ready.\n"), 3),
		      "BIRD answers \" BIRD 2.0.12 ready.\"");
	bgp_dialog__begin(&d, &bird);
	assert_int_equal(feed(BYTES("0001-news\n news\n"), 3), BGP_MORE);
	assert_int_equal(feed(BYTES("0001 ready\n"), 3), BGP_SAY);
	assert_broken(feed(BYTES("9001 syntax error\n"), 3), "BIRD answers \"9001 syntax error\"");
}

static void test_too_long(void **state)
{
	static char line[BGP_LINE_MAX + 1], text[BGP_REPLY_MAX];

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "1002-", 5);
	begin(&bird, 1);
	assert_broken(feed(line, BGP_LINE_MAX, 1), "a line of BIRD's is too long");
	line[BGP_LINE_MAX] = '\n';
	begin(&bird, 1);
	assert_broken(feed(line, sizeof(line), BGP_REPLY_MAX), "a line of BIRD's is too long");
	line[BGP_LINE_MAX - 1] = '\n';
	begin(&bird, 1);
	assert_int_equal(feed(line, BGP_LINE_MAX, BGP_REPLY_MAX), BGP_MORE);
	/* Lines without an end. */
	for (size_t i = 0; i < sizeof(text); i += 16)
		memcpy(text + i, "1002-up5  BGP -\n", 16);
	begin(&bird, 1);
	assert_broken(feed(text, sizeof(text), 100), "the answer of BIRD is too long");
	memset(text, 'a', sizeof(text));
	begin(&frr, 1);
	assert_int_equal(feed(text, sizeof(text) - 1, 1000), BGP_MORE);
	assert_broken(feed(text, 1, 1), "the answer of FRR is too long");
	memcpy(text + sizeof(text) - 4, "\0\0\0\0", 4);
	begin(&frr, 1);
	assert_int_equal(feed(text, sizeof(text), 1000), BGP_ANSWER);
	assert_false(d.up);
}

/* Random bytes and spoilt answers: no crash, no endless loop, and never that it is up by chance. */
static void test_garbage(void **state)
{
	uint64_t x = 88172645463325252ULL;
	char bytes[512];

	(void)state;
	for (unsigned int r = 0; r < 20000; r++) {
		const struct row *row = &rows[r % (sizeof(rows) / sizeof(*rows))];
		size_t len = 1 + r % sizeof(bytes);
		enum bgp_next next;

		for (size_t i = 0; i < len; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[i] = r % 3 ? (char)(x >> 32) : "0012-\n {}\":[upBG\0"[x % 17];
		}
		begin(row->session, 64);
		next = feed(bytes, len, 1 + r % 64);
		assert_true(next != BGP_ANSWER || !d.up);
		assert_true(memchr(d.text, '\0', sizeof(d.text)) != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_more_than_asked), cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_too_long),	cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
