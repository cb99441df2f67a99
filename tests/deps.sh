#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# deps.sh [vm|deb|debcheck] - installs the Debian or Ubuntu packages that are missing; touches nothing when none is.
# With `vm`, those of the tests in virtual machines instead (tests/vm/); with `deb` and `debcheck`, those of these targets.
set -eu

build='gcc make pkg-config clang llvm libbpf-dev libxdp-dev libelf-dev libyaml-dev libuv1-dev
libcurl4-openssl-dev libmicrohttpd-dev libjansson-dev libsystemd-dev libcap-ng-dev libmnl-dev
libsmartcols-dev libpcap-dev libsodium-dev libssl-dev libc-ares-dev libmariadb-dev libpq-dev libsqlite3-dev
zlib1g-dev libncurses-dev'
tests='libclang-rt-dev libcmocka-dev spin nginx-light wrk curl iproute2 iputils-ping ethtool tcpdump procps util-linux libcap2-bin man-db
systemd unbound keepalived etcd-server haproxy memcached librdkafka-dev redis-server libzookeeper-java default-jre-headless
mosquitto slapd exim4-daemon-light mariadb-server postgresql bird2 frr openssl python3 python3-pytest python3-pytest-xdist python3-scapy
python3-pyroute2 python3-seccomp python3-jsonschema prometheus zsh python3-pyte dpkg-dev debhelper tshark'
vm='qemu-system-x86 busybox-static cpio kmod xdp-tools zstd lz4 xz-utils'
deb='dpkg-dev debhelper'
debcheck="$deb lintian debootstrap"
lint='clang-format clang-tidy cppcheck shellcheck gcovr'

say() { printf 'deps: %s\n' "$*"; }
fail() {
	printf 'deps: %s\n' "$*" >&2
	exit 1
}

command -v dpkg-query >/dev/null || fail 'neither Debian nor Ubuntu: install what is listed in' \
	"$0 by hand, then run make all, make unit, make packet and make e2e"

installed() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Debian has a package for bpftool; Ubuntu has it among the kernel's tools.
bpftool_package() {
	if [ -x /usr/sbin/bpftool ] || command -v bpftool >/dev/null; then
		return
	fi
	if apt-cache show bpftool 2>/dev/null | grep -q '^Filename:'; then
		echo bpftool
	else
		echo "linux-tools-common linux-tools-$(uname -r)"
	fi
}

# QEMU brought this daemon along until it was rewritten.
virtiofsd_package() {
	if apt-cache show virtiofsd 2>/dev/null | grep -q '^Filename:'; then
		echo virtiofsd
	fi
}

# A name with a question mark becomes a package, if any, once apt's lists are there.
missing=
case ${1:-} in
vm)
	packages=$vm
	[ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] || missing=' virtiofsd?'
	;;
deb) packages="$build $deb" ;;
debcheck) packages=$debcheck ;;
*)
	packages="$build $tests $lint"
	# Ubuntu has it as a snap alone; tests/skips.txt says what is left out without it.
	grep -q '^ID=ubuntu$' /etc/os-release || packages="$packages chromium"
	;;
esac
[ "${1:-}" = vm ] || [ -x /usr/sbin/bpftool ] || command -v bpftool >/dev/null || missing=' bpftool?'
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || fail "these packages are missing:$missing; run \`sudo make deps\`"

# No service is to be started by its installation; a policy that is there already stays in force.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM
fi

export DEBIAN_FRONTEND=noninteractive
for try in 1 2 3; do
	apt-get update -qq && break
	[ "$try" = 3 ] && fail 'apt-get update failed three times: is there a network?'
	sleep $((try * 2))
done
missing=$(for p in $missing; do
	case $p in
	*\?) "${p%\?}_package" ;;
	*) echo "$p" ;;
	esac
done | tr '\n' ' ')
say "installing: $missing"
# Another installation, as of unattended upgrades, is waited for.
# shellcheck disable=SC2086 # a list of packages
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null ||
	fail 'apt-get install failed; its words are above'
