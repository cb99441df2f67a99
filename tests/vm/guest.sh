#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guest.sh NAME USE RESULTS - what runs inside the virtual machine NAME, from the tree's root.
#
# USE is check (the part of short.txt), full or refused, as in kernels.txt. RESULTS
# gets JUnit files whose tests are named after the machine.
set -u

name=vm-$1
use=$2
results=$3
# Where the processor is emulated, explaining each packet would have seconds pass between two of them.
export FL_LAB=fl-vm FL_PATIENCE=5 FL_UNEXPLAINED=1
status=0

e2e() {
	/usr/bin/python3 -B -m pytest -q -p no:cacheprovider --junit-prefix="$name" \
		--junitxml="$results/e2e.xml" "$@" || status=1
}

case $use in
refused)
	e2e tests/vm/test_refused.py
	;;
check)
	# What a kernel may do otherwise: verify, load, give the programs its helpers, maps and timers. What the
	# programs make of their bytes is C, which is the same everywhere: full has all of that.
	export FL_FUZZ_ROUNDS=10000
	set --
	while read -r test pattern; do
		case $test in '#'* | '') continue ;; esac
		set -- "$@" "$FL_BUILD/tests/packet/$test${pattern:+:$pattern}"
	done <tests/vm/short.txt
	tests/unit.sh "$results/packet" "$@" || status=1
	e2e tests/e2e/test_devices.py tests/e2e/test_dispatcher.py \
		-k '4in4 or 6in6 or test_another_was_first or (between_vlans and v4)'
	;;
full)
	export FL_FUZZ_ROUNDS=50000
	tests/unit.sh "$results/packet" "$FL_BUILD"/tests/packet/*_test || status=1
	# Full maps are the agent's matter and not the kernel's, and take 17 000 backends.
	e2e tests/e2e/test_devices.py tests/e2e/test_dispatcher.py tests/e2e/test_forwarding.py \
		tests/e2e/test_path.py::test_tunnel_devices tests/e2e/test_refusals.py -k 'not test_full'
	;;
esac
exit $status
