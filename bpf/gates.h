/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gates.h - features that the agent turns on before loading; off means not in the JITed code.
 */
#ifndef FAIRLEAD_BPF_GATES_H
#define FAIRLEAD_BPF_GATES_H

/* on_agent_loss is not `keep`: the path reads the lease. */
const volatile __u8 gate_lease = 0;

#endif
