#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fuzz.sh BUILD CORPUS PROGRAM SECONDS [KEEP] - one core; what it learns is kept in BUILD/learnt-PROGRAM,
# so the next run goes on from there. Fails when it finds something, and says how to keep it: as the file
# KEEP, which is tests/native/regress/PROGRAM-WHAT.hex if nothing else is said.
set -u

build=$1
corpus=$2
program=$3
seconds=$4
keep=${5:-tests/native/regress/$program-WHAT.hex}
learnt=$build/learnt-$program
log=$build/fuzz-$program.log
mkdir -p "$learnt"
rm -f "$build/found-$program-"*
if ! nice "$build/fuzz_$program" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
	-print_final_stats=1 -artifact_prefix="$build/found-$program-" \
	"$learnt" "$corpus/$program" >"$log" 2>&1; then
	tail -n 60 "$log"
	for found in "$build/found-$program-"*; do
		[ -e "$found" ] || continue
		printf 'to keep it as a test: od -An -v -tx1 %s > %s\n' \
			"$found" "$keep"
	done
	exit 1
fi
awk -v p="$program" '/number_of_executed_units/ { n = $2 } /average_exec_per_sec/ { r = $2 }
	/ cov: / { c = $4 }
	END { printf "  ok      fuzz %s: %d runs, %d a second, %d edges, nothing found\n", p, n, r, c }' "$log"
