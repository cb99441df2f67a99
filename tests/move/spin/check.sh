#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh FOLDER RESULT.xml - verifies transition.pml, and that it finds out each rule that is missing.
set -u

model=$(cd "$(dirname "$0")" && pwd)/transition.pml
mkdir -p "$1" "$(dirname "$2")"
result=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$1" || exit 1
cases=
count=0
failures=0

# verify HOLDS DEFINES...: HOLDS is 0 when an assertion must fail
verify() {
	holds=$1
	shift
	name=${*:-as it is}
	rm -f pan pan.* ./*.trail
	# shellcheck disable=SC2086 # -D words
	if ! spin -a "$@" "$model" >spin.log || ! gcc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c; then
		said='spin or gcc refuse the model'
		errors=none
	else
		./pan -m100000 -E >pan.log 2>&1
		said=$(grep -E 'assertion violated|states, stored' pan.log | tr -s ' ' | tr '\n<>&"' ';    ')
		errors=$(sed -n 's/.*errors: //p' pan.log)
		# A search that was not complete proves nothing.
		grep -qE 'max search depth too small|out of memory' pan.log && errors=none
	fi
	count=$((count + 1))
	if { [ "$holds" = 1 ] && [ "$errors" = 0 ]; } || { [ "$holds" = 0 ] && [ "$errors" = 1 ]; }; then
		printf '  ok      %s: %s\n' "$name" "$said"
		cases="$cases<testcase name=\"$name\"/>"
	else
		printf '  FAILED  %s: %s\n' "$name" "$said"
		cases="$cases<testcase name=\"$name\"><failure message=\"$said\"/></testcase>"
		failures=$((failures + 1))
	fi
}

verify 1
verify 1 -DREPLACE
for rule in SWAP_FIRST BACK_EARLY BACK_NO_GRACE OVERWRITE BLIND_DELETE NO_CAS CLEAN_EARLY; do
	verify 0 -D$rule
done
for rule in NO_CLAIM OVERWRITE BLIND_DELETE; do
	verify 0 -DREPLACE -D$rule
done
printf '<testsuite name="spin" tests="%d" failures="%d">%s</testsuite>\n' "$count" "$failures" \
	"$cases" >"$result"
[ "$failures" = 0 ]
