# SPDX-License-Identifier: GPL-2.0-or-later
# Tests inside other kernels, in virtual machines: docs/kernels.md.

VM_NEEDS := all $(PACKET_BINS) $(LAB_OBJS)

.PHONY: vm-deps vmtest vmcheck
#: make vm-deps     install what the virtual machines need (root)
vm-deps:
	@tests/deps.sh vm

#: make vmtest      the tests in every kernel of tests/vm/kernels.txt, some minutes each (root)
vmtest: $(VM_NEEDS)
	@FL_BUILD=$(BUILD) tests/vm/vmtest.sh full $(RESULTS)

# The short form, part of `make check`.
vmcheck: $(VM_NEEDS)
	@FL_BUILD=$(BUILD) tests/vm/vmtest.sh check $(RESULTS)
