#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fetch.sh KERNEL... - unpacks kernels of kernels.txt below build/vm/kernels, through apt alone.
#
# apt gets a configuration of its own below build/vm: its archives are those that the machine's apt
# uses already, with the suites of kernels.txt. Nothing outside build/vm is read or written, and what
# has been unpacked is not fetched again. A kernel that cannot be had leaves KERNEL.missing with the
# reason; that is no failure.
set -eu

cd "$(dirname "$0")/../.."
here=tests/vm
vm=$PWD/build/vm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$vm/apt/sources" "$vm/apt/lists/partial" "$vm/apt/cache/archives/partial" "$vm/kernels"

missing() {
	printf '%s\n' "$2" >"$vm/kernels/$1.missing"
}

row() {
	awk -v name="$1" '$1 == name { print $2, $3, $4 }' $here/kernels.txt
}

# site ARCHIVE: where the machine's apt gets debian or debian-security from
site() {
	# shellcheck disable=SC2016 # for apt to expand
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null |
		grep -m1 "/$1/\{0,1\}\$"
}

# The machine's apt is asked before APT_CONFIG takes its place.
configure() {
	rm -f "$vm"/apt/sources/*
	for kernel in "$@"; do
		# shellcheck disable=SC2046 # a row's words
		set -- $(row "$kernel")
		from=$(site "$1") || continue
		printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
			"$from" "$2" $keyring >"$vm/apt/sources/$2.sources"
	done
	cat >"$vm/apt/apt.conf" <<-EOF
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$vm/apt/sources";
		Dir::State::lists "$vm/apt/lists";
		Dir::Cache "$vm/apt/cache";
		Dir::State::status "/dev/null";
		APT::Sandbox::User "root";
		Acquire::Retries "2";
	EOF
	export APT_CONFIG="$vm/apt/apt.conf"
	apt-get update -qq >"$vm/apt/update.log" 2>&1 || :
}

newest() {
	apt-cache search --names-only "^linux-image-$1\$" | cut -d' ' -f1 | sort -V | tail -n 1
}

# From Linux 6.19 on, Debian's image is in three packages.
download() {
	apt-get download -qq "linux-image-$1" >/dev/null 2>&1 || return 1
	for part in binary modules base; do
		apt-get download -qq "linux-$part-$1" >/dev/null 2>&1 || :
	done
}

# Not under `set -e`, since its status is looked at: each step says what follows from its failure.
unpack() {
	release=$2
	root=$vm/kernels/$1.new
	rm -rf "$root"
	mkdir -p "$root/debs"
	(cd "$root/debs" && download "$release") || return 1
	for deb in "$root"/debs/*.deb; do
		dpkg -x "$deb" "$root" || return 1
	done
	rm -r "$root/debs"
	[ -d "$root/lib/modules" ] || {
		mkdir -p "$root/lib"
		ln -s ../usr/lib/modules "$root/lib/modules"
	}
	find "$root/" -name '*.ko.xz' -exec xz -d {} + && depmod -b "$root" "$release" || return 1
	for image in "$root"/boot/vmlinuz-* "$root/lib/modules/$release/vmlinuz"; do
		[ -e "$image" ] && break
	done
	/usr/bin/python3 -B $here/vmlinux.py "$image" "$root/vmlinux" || return 1
	printf '%s\n' "$release" >"$root/release"
	mv "$root" "$vm/kernels/$1"
}

fetch() {
	# shellcheck disable=SC2046
	set -- "$1" $(row "$1")
	[ -e "$vm/apt/sources/$3.sources" ] || {
		missing "$1" "apt on this machine knows no archive $2"
		return
	}
	package=$(newest "$4")
	[ -n "$package" ] || {
		missing "$1" "the mirror has no linux-image-$4 in $3"
		return
	}
	printf '  FETCH   %s (%s)\n' "$1" "${package#linux-image-}"
	unpack "$1" "${package#linux-image-}" || missing "$1" "$package could not be fetched and unpacked"
}

wanted=
for kernel in "$@"; do
	[ -n "$(row "$kernel")" ] || {
		printf '%s: not in %s/kernels.txt\n' "$kernel" $here >&2
		exit 1
	}
	rm -f "$vm/kernels/$kernel.missing"
	[ -e "$vm/kernels/$kernel/release" ] || wanted="$wanted $kernel"
done
[ -n "$wanted" ] || exit 0
# shellcheck disable=SC2086 # a list of names
configure $wanted
for kernel in $wanted; do
	fetch "$kernel"
done
