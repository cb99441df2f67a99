#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh DEB FOLDER - `make debcheck`: what lintian says of the package, then its life in a fresh Debian (in FOLDER, which is
# removed at the end): dependencies from the archive, installation, purge, and no file more than before.
set -eu

deb=$1
folder=$2
root=$folder/root

say() { printf 'debcheck: %s\n' "$*"; }
[ "$(id -u)" = 0 ] || {
	echo 'debcheck: debootstrap needs root' >&2
	exit 1
}

lintian --fail-on error,warning --allow-root "$deb"
say "lintian has nothing to say against $(basename "$deb")"

leave() {
	for mounted in proc sys/fs/bpf sys dev; do
		umount "$root/$mounted" 2>/dev/null || true
	done
	rm -rf --one-file-system "$folder"
}
trap leave EXIT
trap 'exit 130' INT TERM

# shellcheck source=/dev/null
. /etc/os-release
mirror=http://deb.debian.org/debian
# debootstrap does not ask apt by which way it gets there.
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "$proxy" ] || export http_proxy="$proxy"
rm -rf "$folder"
mkdir -p "$folder"
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >"$folder/debootstrap.log" || {
	tail -n 20 "$folder/debootstrap.log" >&2
	exit 1
}
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t bpf bpf "$root/sys/fs/bpf"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/"
cp "$deb" "$root/root/fairlead.deb"
inside() { chroot "$root" env -i ${proxy:+http_proxy="$proxy"} PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
files() { inside find / -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/cache/*' ! -path '/var/log/*' ! -path '/var/lib/apt/*' \
	-printf '%p %M %U %G\n' | sort; }

# The dependencies first, so that what is left is the package's own.
inside apt-get update -qq
inside dpkg --unpack /root/fairlead.deb >/dev/null 2>&1
inside apt-get install -y -qq --no-install-recommends --fix-broken >/dev/null
inside dpkg --purge fairlead >/dev/null 2>&1
files >"$folder/before"

inside apt-get install -y -qq --no-install-recommends /root/fairlead.deb >"$folder/install.log" 2>&1
grep -q 'fairlead: not started\|configures nothing yet' "$folder/install.log" || [ ! -d "$root/run/systemd/system" ]
say "installed: $(inside fairleadd --version), $(inside fairlead --version)"
for example in "$root"/usr/share/doc/fairlead/examples/*.yaml; do
	inside fairlead config check "${example#"$root"}" >/dev/null
done
say 'every example loads there'
inside dpkg --remove fairlead >/dev/null
inside dpkg --purge fairlead >/dev/null
files >"$folder/after"
diff "$folder/before" "$folder/after"
say 'purged: nothing is left'
