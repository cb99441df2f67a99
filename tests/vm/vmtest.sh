#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vmtest.sh check|full RESULTS - the tests inside the kernels of kernels.txt, two machines at a time.
#
# RESULTS/vm-KERNEL gets the JUnit files of that machine. Its boot is a test as well: vm-KERNEL::kernel,
# skipped when the kernel cannot be had.
set -u

cd "$(dirname "$0")/../.." || exit 1
mode=$1
results=$(mkdir -p "$2" && cd "$2" && pwd)
export FL_BUILD="${FL_BUILD:-build}"

# use KERNEL: its last column
use() {
	awk -v name="$1" '$1 == name { print $5 }' tests/vm/kernels.txt
}

kernels() {
	if [ "$mode" = check ]; then
		awk '!/^#/ && $5 == "check" { print $1 }' tests/vm/kernels.txt
	else
		awk '!/^#/ && NF { print $1 }' tests/vm/kernels.txt
	fi
}

# boot_result KERNEL [skipped|failure TEXT]
boot_result() {
	{
		printf '<testsuite name="vm-%s"><testcase classname="vm-%s" name="kernel">' "$1" "$1"
		if [ $# -gt 1 ]; then
			printf '<%s message="%s"/>' "$2" \
				"$(printf '%s' "$3" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/"/\&quot;/g')"
		fi
		printf '</testcase></testsuite>\n'
	} >"$results/vm-$1/kernel.xml"
}

skip() {
	printf '  SKIPPED vm-%s: %s\n' "$1" "$2"
	boot_result "$1" skipped "$2"
}

# One machine, its output and its status in files: two of them run side by side.
machine() {
	folder=$results/vm-$1
	part=$(use "$1")
	[ "$part" = check ] && part=$mode
	TIMEOUT=$([ "$mode" = check ] && echo 1500 || echo 5400) tests/vm/boot.sh "$1" "$folder" \
		"FL_BUILD=$FL_BUILD sh tests/vm/guest.sh $1 $part $folder" >"$folder/log" 2>&1
	echo $? >"$folder/exit"
}

report() {
	folder=$results/vm-$1
	code=$(cat "$folder/exit")
	printf '  --      vm-%s, Linux %s\n' "$1" "$(cat "build/vm/kernels/$1/release")"
	cat "$folder/log"
	case $code in
	124 | 125) boot_result "$1" failure 'the machine did not boot or did not come to an end' ;;
	*) boot_result "$1" ;;
	esac
	[ "$code" = 0 ]
}

all=$(kernels)
for kernel in $all; do
	rm -rf "$results/vm-$kernel"
	mkdir -p "$results/vm-$kernel"
done
reason=
[ "$(uname -m)" = x86_64 ] || reason="kernels.txt has kernels for x86_64, not for $(uname -m)"
[ -n "$reason" ] || tests/deps.sh vm || reason='QEMU and its like cannot be installed'
if [ -n "$reason" ]; then
	for kernel in $all; do
		skip "$kernel" "$reason"
	done
	exit 0
fi

# shellcheck disable=SC2086 # a list of names
tests/vm/fetch.sh $all || exit 1
ready=
for kernel in $all; do
	if [ -e "build/vm/kernels/$kernel.missing" ]; then
		skip "$kernel" "$(cat "build/vm/kernels/$kernel.missing")"
	else
		ready="$ready $kernel"
	fi
done

status=0
# shellcheck disable=SC2086
set -- $ready
while [ $# -gt 0 ]; do
	machine "$1" &
	[ $# -gt 1 ] && machine "$2" &
	wait
	for kernel in "$1" ${2:+"$2"}; do
		report "$kernel" || status=1
		shift
	done
done
exit $status
