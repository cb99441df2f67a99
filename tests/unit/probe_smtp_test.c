/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to mail servers, from RFC 5321 and RFC 3207. */
#include "probe_talk.h"

#include "probe/talks.h"

static char name[] = "lb.example";
static const struct config_probe plain = {.kind = CONFIG_PROBE_SMTP, .name = name};
static const struct config_probe smtps = {.kind = CONFIG_PROBE_SMTP, .name = name, .tls = true};
static const struct config_probe starttls = {
	.kind = CONFIG_PROBE_SMTP, .name = name, .tls = true, .starttls = true};

#define BANNER "220-mx.example ESMTP\r\n220 no spam, please\r\n"
#define OFFER "250-mx.example Hello\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n250 HELP\r\n"
#define EHLO "EHLO lb.example\r\n"
#define QUIT                           \
	{                              \
		"QUIT\r\n", 0, NULL, 0 \
	}

static void test_conversation(void **state)
{
	const struct turn turns[] = {{NULL, 0, BANNER, 0}, {EHLO, 0, OFFER, 0}, QUIT};
	const struct turn terse[] = {{NULL, 0, "220\r\n", 0}, {EHLO, 0, "250 mx\r\n", 0}, QUIT};

	(void)state;
	TALK_CHECK(&talk_smtp, &plain, NULL, turns, PROBE_OK, "mx.example Hello");
	TALK_CHECK(&talk_smtp, &plain, NULL, terse, PROBE_OK, "mx");
	TALK_CHECK(&talk_smtp, &smtps, NULL, turns, PROBE_OK, "mx.example Hello, TLSv1.3");
}

static void test_starttls(void **state)
{
	/* What was said in the clear counts no more: the second answer has the name. */
	const struct turn turns[] = {
		{NULL, 0, BANNER, 0},
		{EHLO, 0, OFFER, 0},
		{"STARTTLS\r\n", 0, "220 go ahead\r\n", 0},
		{NULL, 0, "", 0}, /* TLS */
		{EHLO, 0, "250-secure.example Hello\r\n250 HELP\r\n", 0},
		QUIT,
	};
	const struct turn none[] = {{NULL, 0, BANNER, 0},
				    {EHLO, 0, "250-mx.example\r\n250 XSTARTTLS\r\n", 0}};
	const struct turn refused[] = {{NULL, 0, BANNER, 0},
				       {EHLO, 0, OFFER, 0},
				       {"STARTTLS\r\n", 0, "454 TLS not available\r\n", 0}};
	struct held h;

	(void)state;
	TALK_CHECK(&talk_smtp, &starttls, NULL, turns, PROBE_OK, "secure.example Hello, TLSv1.3");
	h = talk_hold(&talk_smtp, &starttls, NULL, turns, 6, 1000, SIZE_MAX, true);
	assert_true(h.tls);
	TALK_CHECK(&talk_smtp, &starttls, NULL, none, PROBE_FAILED, "does not offer STARTTLS");
	TALK_CHECK(&talk_smtp, &starttls, NULL, refused, PROBE_FAILED,
		   "answers STARTTLS with \"454 TLS not available\"");
}

static void test_refusals(void **state)
{
	const struct turn banner[] = {
		{NULL, 0, "554-mx.example\r\n554 no SMTP service here\r\n", 0}};
	const struct turn busy[] = {{NULL, 0, "421 too many connections\r\n", 0}};
	const struct turn ehlo[] = {{NULL, 0, BANNER, 0}, {EHLO, 0, "550 go away\r\n", 0}};
	const struct turn late[] = {{NULL, 0, BANNER, 0},
				    {EHLO, 0, "250-mx\r\n421 shutting down\r\n", 0}};
	const struct turn ssh[] = {{NULL, 0, "SSH-2.0-OpenSSH_9.2p1\r\n", 0}};
	const struct turn code[] = {{NULL, 0, "250 mx.example\r\n", 0}};
	const struct turn digits[] = {{NULL, 0, "2200 hello\r\n", 0}};

	(void)state;
	TALK_CHECK(&talk_smtp, &plain, NULL, banner, PROBE_FAILED,
		   "greets with \"554-mx.example\"");
	TALK_CHECK(&talk_smtp, &plain, NULL, busy, PROBE_FAILED,
		   "greets with \"421 too many connections\"");
	TALK_CHECK(&talk_smtp, &plain, NULL, ehlo, PROBE_FAILED,
		   "answers EHLO with \"550 go away\"");
	TALK_CHECK(&talk_smtp, &plain, NULL, late, PROBE_FAILED,
		   "answers EHLO with \"421 shutting down\"");
	TALK_CHECK(&talk_smtp, &plain, NULL, ssh, PROBE_FAILED,
		   "greets with \"SSH-2.0-OpenSSH_9.2p1\", which is not SMTP");
	TALK_CHECK(&talk_smtp, &plain, NULL, code, PROBE_FAILED, "greets with \"250 mx.example\"");
	TALK_CHECK(&talk_smtp, &plain, NULL, digits, PROBE_FAILED,
		   "greets with \"2200 hello\", which is not SMTP");
}

static void test_garbage(void **state)
{
	(void)state;
	talk_garbage(&talk_smtp, &plain, NULL, 20000);
	talk_garbage(&talk_smtp, &starttls, NULL, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversation),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
