/* SPDX-License-Identifier: GPL-2.0-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#define MAX_FIELDS 8
#define LINE_LEN 2048

static const char *const names[] = {
	[LOG_LV_ERROR] = "error",
	[LOG_LV_WARN] = "warn",
	[LOG_LV_INFO] = "info",
	[LOG_LV_DEBUG] = "debug",
};

/* syslog priorities (RFC 5424 6.2.1) of the levels */
static const int priorities[] = {
	[LOG_LV_ERROR] = 3,
	[LOG_LV_WARN] = 4,
	[LOG_LV_INFO] = 6,
	[LOG_LV_DEBUG] = 7,
};

static enum log_level max_level = LOG_LV_INFO;
static enum log_sink to = LOG_TO_STDERR;

void log__setup(enum log_level level, enum log_sink sink)
{
	max_level = level;
	to = sink;
}

int log__parse_level(const char *name, enum log_level *out)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int write_journal(enum log_level level, const struct log_field *fields, const char *text)
{
	char message[LINE_LEN], priority[16], extra[MAX_FIELDS][256];
	struct iovec iov[MAX_FIELDS + 2];
	int n = 0;

	snprintf(message, sizeof(message), "MESSAGE=%s", text);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", priorities[level]);
	iov[n++] = (struct iovec){message, strlen(message)};
	iov[n++] = (struct iovec){priority, strlen(priority)};
	for (int i = 0; fields && fields[i].name && i < MAX_FIELDS; i++) {
		snprintf(extra[i], sizeof(extra[i]), "FAIRLEAD_%s=%s", fields[i].name,
			 fields[i].value);
		iov[n++] = (struct iovec){extra[i], strlen(extra[i])};
	}
	return sd_journal_sendv(iov, n);
}

/* One write(2) a line, so that lines of two threads never mix. */
static void write_stderr(enum log_level level, const struct log_field *fields, const char *text)
{
	char line[LINE_LEN + 512];
	struct timespec now;
	struct tm tm;
	size_t n, cap = sizeof(line) - 1;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, cap - n, ".%03ldZ %s: %s", now.tv_nsec / 1000000,
			      names[level], text);
	for (int i = 0; fields && fields[i].name && i < MAX_FIELDS && n < cap; i++)
		n += (size_t)snprintf(line + n, cap - n, "%s%s=%s", i ? " " : " (", fields[i].name,
				      fields[i].value);
	if (fields && fields[0].name && n < cap)
		n += (size_t)snprintf(line + n, cap - n, ")");
	if (n > cap)
		n = cap;
	line[n++] = '\n';
	/* Nobody is left to tell if stderr is gone. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void log__write(enum log_level level, const struct log_field *fields, const char *fmt, ...)
{
	char text[LINE_LEN - 16];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (to == LOG_TO_JOURNAL && write_journal(level, fields, text) >= 0)
		return;
	write_stderr(level, fields, text);
}
