#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# unit.sh RESULTS BINARY... - runs cmocka binaries, one XML file each; fails if one of them does.
# A line "note: TEXT" of a binary's output is shown.
set -u

results=$1
shift
rm -rf "$results"
mkdir -p "$results"
status=0
for binary in "$@"; do
	name=$(basename "$binary")
	if CMOCKA_MESSAGE_OUTPUT=xml CMOCKA_XML_FILE="$results/$name.xml" "$binary" \
		>"$results/$name.log" 2>&1; then
		printf '  ok      %s\n' "$name"
		sed -n 's/^note: /          /p' "$results/$name.log"
	else
		status=1
		printf '  FAILED  %s\n' "$name"
		cat "$results/$name.log"
		[ -f "$results/$name.xml" ] && grep -B1 -A4 '<failure' "$results/$name.xml"
		# A crash leaves no result: the sum must know.
		[ -s "$results/$name.xml" ] || : >"$results/$name.crashed"
	fi
done
exit $status
