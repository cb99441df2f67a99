/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chronicle_states.h - states of services and backends over time, out of the journal, as journal/report.h sums them up. */
#ifndef FAIRLEAD_AGENT_CHRONICLE_STATES_H
#define FAIRLEAD_AGENT_CHRONICLE_STATES_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "journal/report.h"
#include "journal/store.h"

struct states_subject {
	char service[JOURNAL_NAME_LEN], backend[JOURNAL_NAME_LEN]; /* backend "": the service */
	size_t index; /* of changes and sums */
};

/* Zero at the beginning. */
struct states {
	struct report_run *runs;
	size_t n_runs;
	struct report_change *changes;
	size_t n_changes;
	struct states_subject **subjects; /* by index, until they are sorted */
	size_t n_subjects;
	void *tree; /* tsearch(3) of them */
};

/*
 * Reads those of a service, "": of all. s NULL: the file can't be used, and `why` says so. *now_ms: until when,
 * CLOCK_REALTIME. 0, -EIO or -ENOMEM, and a sentence.
 */
int states__read(struct states *out, struct store *s, const char *why, const char *service,
		 int64_t *now_ms, struct err *err);
/* By name: a service comes before its backends. */
void states__sort(struct states *s);
void states__free(struct states *s);

#endif
