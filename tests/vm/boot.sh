#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# boot.sh KERNEL FOLDER COMMAND - runs a shell command, from the tree's root, in a virtual machine.
#
# The machine sees this one's files as they are; what it writes is lost, except in FOLDER. Prints the
# command's output and returns its status; 124 when it was not done after TIMEOUT seconds (600) or
# took the machine down, 125 when the machine did not boot twice.
# Hardware virtualisation is used where it works; otherwise an instruction costs about five times more.
set -eu

cd "$(dirname "$0")/../.."
kernel=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
command=$3
root=$PWD/build/vm/kernels/$kernel
release=$(cat "$root/release")
image=$root/initramfs-$(sha256sum tests/vm/init.sh | cut -c1-12)
memory=1024
work=$(mktemp -d /tmp/fl-vm.XXXXXX)
daemons=
end_daemons() {
	for pid in $daemons; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
	daemons=
}
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	end_daemons
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The modules without which there is no root; the others are loaded from there on demand.
make_image() {
	mkdir -p "$work/i/bin" "$work/i/dev" "$work/i/proc" "$work/i/sys" "$work/i/modules"
	cp /bin/busybox "$work/i/bin/"
	cp tests/vm/init.sh "$work/i/init"
	for module in virtio_pci virtiofs overlay; do
		modprobe -d "$root" -S "$release" --show-depends "$module" |
			awk '$1 == "insmod" { print $2 }'
	done | awk '!seen[$0]++' >"$work/modules"
	while read -r module; do
		cp "$module" "$work/i/modules/"
		basename "$module" >>"$work/i/modules/order"
	done <"$work/modules"
	(cd "$work/i" && find . | cpio -o -H newc --quiet) >"$work/image"
	mv "$work/image" "$image"
}

# share TAG SOURCE: a folder over virtiofs; by QEMU's own daemon, or by the one that took its place
share() {
	if [ -x /usr/lib/qemu/virtiofsd ]; then
		/usr/lib/qemu/virtiofsd --socket-path="$work/$1.sock" -o source="$2" -o cache=always \
			-o sandbox=chroot --thread-pool-size=2 >"$work/$1.log" 2>&1 &
	else
		/usr/libexec/virtiofsd --socket-path="$work/$1.sock" --shared-dir="$2" \
			--cache=always --sandbox=chroot --thread-pool-size=2 >"$work/$1.log" 2>&1 &
	fi
	daemons="$daemons $!"
	tries=0
	while [ ! -S "$work/$1.sock" ] && [ $tries -lt 250 ]; do
		sleep 0.02
		tries=$((tries + 1))
	done
}

# A /dev/kvm that is there need not work: on a machine in a machine the guest may never get anywhere. So the
# kernel is tried without a root, which it says and then ends.
accelerator() {
	if [ -w /dev/kvm ] && timeout -k 1 15 qemu-system-x86_64 -machine q35 -accel kvm -cpu host -m 512 \
		-nodefaults -no-user-config -display none -no-reboot -serial file:"$work/trial" \
		-kernel "$root/vmlinux" -append 'console=ttyS0 panic=-1' </dev/null >/dev/null 2>&1 &&
		grep -q 'Linux version' "$work/trial"; then
		echo '-accel kvm -cpu host'
	else
		echo '-accel tcg,thread=multi -cpu max'
	fi
}

# Boots once. Grace periods are expedited: the tests wait for many, and none of them measures one.
# Time is the HPET's where the processor is emulated: how fast its TSC runs is only guessed at boot.
run() {
	accel=$(accelerator)
	clock=
	case $accel in *tcg*) clock='clocksource=hpet lpj=4000000 no_timer_check' ;; esac
	rm -f "$folder/started" "$folder/status" "$folder/output"
	share root /
	share run "$folder"
	# shellcheck disable=SC2086 # a list of options
	timeout -k 5 "${TIMEOUT:-600}" qemu-system-x86_64 -machine q35,memory-backend=ram \
		$accel -smp 2 -m $memory -nodefaults -no-user-config -display none -no-reboot \
		-object memory-backend-memfd,id=ram,size=${memory}M,share=on \
		-chardev socket,id=root,path="$work/root.sock" \
		-device vhost-user-fs-pci,chardev=root,tag=root,queue-size=256 \
		-chardev socket,id=run,path="$work/run.sock" \
		-device vhost-user-fs-pci,chardev=run,tag=run,queue-size=256 \
		-serial file:"$work/console" -kernel "$root/vmlinux" -initrd "$image" \
		-append "console=ttyS0 quiet loglevel=4 panic=-1 reboot=t mitigations=off nokaslr $clock
			rcupdate.rcu_expedited=1 cryptomgr.notests random.trust_cpu=on audit=0 apparmor=0
			init_on_alloc=0 net.ifnames=0" </dev/null >"$work/qemu.log" 2>&1 || :
	end_daemons
}

explain() {
	printf '%s\n' "$1" >&2
	tail -n 30 "$work/console" >&2
	cat "$work/qemu.log" "$work/root.log" >&2
}

[ -e "$image" ] || make_image
printf '%s\n' "$command" >"$folder/command"
printf 'FOLDER=%s\nTREE=%s\nMODULES=%s\n' "$folder" "$PWD" "$root/lib/modules" >"$folder/boot.conf"
run
[ -e "$folder/started" ] || run
if [ ! -e "$folder/started" ]; then
	explain "boot.sh: kernel $kernel ($release) did not boot, twice; its console:"
	exit 125
fi
cat "$folder/output"
if [ ! -e "$folder/status" ]; then
	explain "boot.sh: kernel $kernel ($release) did not end the command; its console:"
	exit 124
fi
exit "$(cat "$folder/status")"
