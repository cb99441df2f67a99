#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# unit.sh RESULTS BINARY... - runs cmocka binaries, one XML file each; fails if one of them does.
# BINARY:PATTERN runs the tests whose names fit the pattern, where the binary knows FL_ONLY (tests/packet).
# UNIT_JOBS of them at a time (1). A line "note: TEXT" of a binary's output is shown.
#
# UNIT_AGAIN=N: where no more than N binaries failed, they are run once more, alone, as NAME-again.xml, and must pass
# then: on a busy machine a test may have stood still. tests/summary.py names them and what they had failed of. Not for
# binaries that make up other packets in each run, whose failure may not come again. A crash and what a sanitizer says
# is never forgiven.
set -u

results=$1
shift
rm -rf "$results"
mkdir -p "$results"
export results

# shellcheck disable=SC2016 # the shells that xargs starts expand it
one='
	binary=${0%%:*}
	name=$(basename "$binary")
	case $0 in *:*) FL_ONLY=${0#*:}; export FL_ONLY ;; esac
	name=$name$suffix
	status=0
	CMOCKA_MESSAGE_OUTPUT=xml CMOCKA_XML_FILE="$results/$name.xml" "$binary" \
		>"$results/$name.log" 2>&1 || status=1
	# A crash leaves no result, and neither does a pattern that fits none: the sum must know.
	grep -qs "<testcase" "$results/$name.xml" || {
		status=1
		: >"$results/$name.crashed"
	}
	# At once, so that what two of them say is not mixed.
	if [ $status = 0 ]; then
		printf "  ok      %s\n" "$name"
		sed -n "s/^note: /          /p" "$results/$name.log"
	else
		printf "  FAILED  %s\n" "$name"
		cat "$results/$name.log"
		[ -f "$results/$name.xml" ] && grep -B1 -A4 "<failure" "$results/$name.xml"
	fi >"$results/$name.said"
	cat "$results/$name.said"
	rm "$results/$name.said"
	[ $status = 0 ] || printf "%s\0" "$0" >>"$results/failed$suffix"
	exit $status
'
suffix=
export suffix
# xargs ends with 123 if one of them failed.
printf '%s\0' "$@" | xargs -0 -n 1 -P "${UNIT_JOBS:-1}" sh -c "$one" && exit
failed=$(tr -cd '\0' <"$results/failed" | wc -c)
[ "$failed" -le "${UNIT_AGAIN:-0}" ] || exit 1
if [ -n "$(find "$results" -name '*.crashed')" ] || grep -qE 'Sanitizer|runtime error:' "$results"/*.log; then
	exit 1
fi
printf '== again and alone: %s\n' "$failed"
suffix=-again
export suffix
xargs -0 -n 1 sh -c "$one" <"$results/failed"
