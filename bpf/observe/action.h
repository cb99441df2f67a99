/* SPDX-License-Identifier: GPL-2.0-or-later */
/* action.h - what a verdict means for the packet, as reasons.def has it. */
#ifndef FAIRLEAD_BPF_OBSERVE_ACTION_H
#define FAIRLEAD_BPF_OBSERVE_ACTION_H

#include "fairlead/abi.h"

enum action { PASS, DROP, SEND };

static __always_inline enum action action_of(int verdict)
{
	switch (verdict) {
#define FL_VERDICT(name, action, text) \
	case FL_V_##name:              \
		return action;
#include "fairlead/reasons.def"
	default:
		return DROP;
	}
}

#endif
