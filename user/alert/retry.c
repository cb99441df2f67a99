/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/retry.h"

#include <curl/curl.h>
#include <stdlib.h>

#define FIRST_MS 1000
#define MOST_MS 60000
#define DOUBLINGS 6 /* until MOST_MS is passed */

enum retry_verdict retry__judge(long status)
{
	if (status >= 200 && status < 300)
		return RETRY_DONE;
	/* What is wrong with these is what was sent. */
	if (status == 400 || status == 413 || status == 422)
		return RETRY_NEVER;
	return RETRY_AGAIN;
}

uint64_t retry__wait_ms(unsigned int tries, uint64_t random, uint64_t asked_ms)
{
	unsigned int doublings = tries - 1 < DOUBLINGS ? tries - 1 : DOUBLINGS;
	uint64_t wait = (uint64_t)FIRST_MS << doublings;

	wait = wait < MOST_MS ? wait : MOST_MS;
	wait = wait * 3 / 4 + random % (wait / 2 + 1);
	return wait > asked_ms ? wait : asked_ms;
}

uint64_t retry__after_ms(const char *value, int64_t now_s)
{
	uint64_t seconds;
	time_t at;
	char *end;

	if (*value >= '0' && *value <= '9') {
		seconds = strtoull(value, &end, 10);
		if (*end)
			return 0;
	} else {
		at = curl_getdate(value, NULL);
		seconds = at > now_s ? (uint64_t)(at - now_s) : 0;
	}
	return seconds < RETRY_AFTER_MAX_MS / 1000 ? seconds * 1000 : RETRY_AFTER_MAX_MS;
}
