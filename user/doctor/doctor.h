/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.h - what is wrong with this machine as a balancer, and what mends it (fairlead doctor).
 *
 * Facts are read once (read.h) and then judged by a table of checks, each of them one small pure
 * function that adds its findings to the report. What is well is a finding, too, so that a person sees
 * that it was looked at.
 */
#ifndef FAIRLEAD_DOCTOR_DOCTOR_H
#define FAIRLEAD_DOCTOR_DOCTOR_H

#include "doctor/facts.h"
#include "doctor/report.h"

/* Makes all checks; the report is sorted. */
void doctor__judge(const struct doctor_facts *f, struct doctor_report *r);

/* The command that changes the configuration, whose file is f->config_file. */
const char *doctor__edit(const struct doctor_facts *f, struct doctor_report *r);

/*
 * Reads everything but f->version, f->agent up to its `targets`, and the configuration, which the caller
 * has filled in. The configuration must outlive the facts.
 */
void doctor_facts__read(struct doctor_facts *f);
void doctor_facts__free(struct doctor_facts *f);

#endif
