#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# e2e.sh check|full JOBS RESULT - the end-to-end tests, JOBS labs at a time; what they say in RESULT.xml.
# check leaves those out that are marked `long`.
#
# Two labs share the cores of a small machine, so a test may fail of the other's load, and all tests of a module
# of what another one has left in its lab: a few that failed are run once more, alone, in RESULT-again.xml. They
# must pass then, and tests/summary.py names them and what they had failed of. When more fail, it was not that.
set -u

cd "$(dirname "$0")/.." || exit 1
mode=$1
jobs=$2
result=$3
cache=$PWD/$FL_BUILD/e2e/cache
few=10
mkdir -p "$(dirname "$result")" "$cache"
rm -rf "$cache" "$result-again.xml"

suite() {
	[ "$mode" = full ] || set -- -m 'not long' "$@"
	/usr/bin/python3 -B -m pytest -q --strict-markers -o cache_dir="$cache" "$@" tests/e2e
}

suite -n "$jobs" --dist loadfile --durations=15 --junitxml="$result.xml"
status=$?
[ $status = 1 ] || exit $status
failed=$(/usr/bin/python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' \
	"$cache/v/cache/lastfailed") || exit 1
[ "$failed" -le $few ] || exit 1
printf '== e2e, again and alone: %s\n' "$failed"
suite --last-failed --junitxml="$result-again.xml"
