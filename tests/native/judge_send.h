/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_send.h - the rules for frames that were sent. */
#ifndef FAIRLEAD_TESTS_NATIVE_JUDGE_SEND_H
#define FAIRLEAD_TESTS_NATIVE_JUDGE_SEND_H

#include "judge.h"

/* `v`: a SEND verdict; `backend`: the index that be_stats counted, -1: none. */
void judge__sent(const struct judged *j, int v, int backend);

#endif
