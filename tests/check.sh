#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh - `make check`: every suite, even after one failed, then one line of sums. What takes long is in
# `make check-long`.
set -u

cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" = 0 ] || {
	echo 'the tests make network namespaces and load BPF: run them as root (sudo make check)' >&2
	exit 1
}
jobs=$(nproc)
export UNIT_JOBS="$jobs"
results=build/test-results
rm -rf "$results"
mkdir -p "$results"

# suite NAME COMMAND...: a suite that ends badly without a result counts as one failure
suite() {
	name=$1
	shift
	printf '== %s\n' "$name"
	if ! "$@"; then
		printf '== %s failed\n' "$name"
		printf '%s\n' "$name" >>"$results/failed-suites"
	fi
}

make --no-print-directory deps || exit 1
printf '== build\n'
make --no-print-directory -j"$jobs" all || {
	echo '0 passed, 1 failed, 0 skipped'
	exit 1
}
# Their inputs are the same in each run.
export UNIT_AGAIN=2
suite unit make --no-print-directory -j"$jobs" unit
suite 'unit under ASan and UBSan' make --no-print-directory -j"$jobs" SAN=1 unit
suite packet make --no-print-directory -j"$jobs" packet
unset UNIT_AGAIN
suite native make --no-print-directory -j"$jobs" native
suite fuzz make --no-print-directory -j"$jobs" FUZZ_SECONDS=10 FUZZ_JOBS="$jobs" fuzz
suite model make --no-print-directory -j"$jobs" model
suite move make --no-print-directory -j"$jobs" move
suite spin make --no-print-directory spin
suite e2e make --no-print-directory -j"$jobs" e2echeck
suite 'other kernels' make --no-print-directory vmcheck
exec /usr/bin/python3 -B tests/summary.py "$results" tests/skips.txt
