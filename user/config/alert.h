/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alert.h - a destination of alerts, as it is configured. */
#ifndef FAIRLEAD_CONFIG_ALERT_H
#define FAIRLEAD_CONFIG_ALERT_H

#include "config/probe.h"

#define CONFIG_MAX_ALERTS 16
#define CONFIG_ALERT_LEN 32 /* bytes of a destination's name, the closing NUL included */

enum config_severity { CONFIG_INFO, CONFIG_WARNING, CONFIG_CRITICAL };

/* What can be told of an alert: names of places in a template, and of members of the JSON object. */
enum config_alert_field {
	CONFIG_ALERT_ID,
	CONFIG_ALERT_STATUS,
	CONFIG_ALERT_SEVERITY,
	CONFIG_ALERT_KIND,
	CONFIG_ALERT_SERVICE,
	CONFIG_ALERT_BACKEND,
	CONFIG_ALERT_SUBJECT,
	CONFIG_ALERT_WAS,
	CONFIG_ALERT_IS,
	CONFIG_ALERT_REASON,
	CONFIG_ALERT_TIME,
	CONFIG_ALERT_COUNT,
	CONFIG_ALERT_HOST,
	CONFIG_ALERT_INSTANCE,
	CONFIG_ALERT_TEXT,
	CONFIG_ALERT_FIELDS
};

/* Where a request of HTTP goes; NULL where nothing is configured. */
struct config_webhook {
	char *url, *url_file; /* one of them */
	char *token_file; /* its first line is a bearer token */
	char *ca_file; /* default: the system's */
	struct config_words headers;
	char *template; /* default: an object of all fields */
};

struct config_alert {
	char name[CONFIG_ALERT_LEN];
	uint32_t kinds; /* bits of enum journal_kind; default all but JOURNAL_STATE */
	enum config_severity severity; /* the least that is told; default CONFIG_WARNING */
	struct config_words services; /* none: all, and what is no service's */
	uint32_t for_ms; /* trouble is told when it has lasted that long; 0..1 h, default 0 */
	uint32_t quiet_ms; /* and its end, when it is over for that long; 0..24 h, default 1 min */
	uint32_t rate; /* alerts in a minute, in the long run; 1..1000, default 20 */
	uint32_t burst; /* alerts at once; 1..1000, default 10 */
	uint32_t max_age_ms; /* undelivered ones are given up then; 1 s..7 d, default 1 h */
	uint32_t timeout_ms; /* of one try; 100 ms..1 min, default 10 s */
	struct config_words command; /* n 0: a webhook */
	bool has_webhook;
	struct config_webhook webhook;
};

/* Their names, "id", "status" and so on. */
extern const char *const config_alert_field_names[CONFIG_ALERT_FIELDS];
const char *config_severity__name(enum config_severity severity);

/* 0 or -ENOMEM, and *to is untouched. */
int config_alert__copy(const struct config_alert *from, struct config_alert *to);
/* Frees what it holds, not itself. */
void config_alert__clear(struct config_alert *a);
/* Whether both send to the same place, in the same way. */
bool config_alert__same_target(const struct config_alert *a, const struct config_alert *b);

#endif
