#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# init.sh - process 1 of the virtual machine, in its initramfs.
#
# The root of the machine that runs the tests comes over virtiofs (tag `root`), read-only below an
# overlay in memory. The one folder that can be written (tag `run`) is at the path where it is there;
# it says what to run (command) and gets output and status.
busybox=/bin/busybox

give_up() {
	echo "init: $*"
	$busybox sleep 1
	$busybox reboot -f
}

# What the image holds, dependencies first.
$busybox mount -t devtmpfs dev /dev
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
for module in $($busybox cat /modules/order); do
	$busybox insmod "/modules/$module"
done

$busybox mkdir -p /run /overlay /new
$busybox mount -t virtiofs run /run || give_up 'no shared folder'
# shellcheck disable=SC1091
. /run/boot.conf
$busybox mount -t tmpfs -o size=75% tmpfs /overlay
$busybox mkdir /overlay/lower /overlay/upper /overlay/work
$busybox mount -t virtiofs -o ro root /overlay/lower || give_up 'no root'
$busybox mount -t overlay \
	-o lowerdir=/overlay/lower,upperdir=/overlay/upper,workdir=/overlay/work overlay /new ||
	give_up 'no overlay'

$busybox mount -t proc proc /new/proc
$busybox mount -t sysfs sys /new/sys
$busybox mount -t devtmpfs dev /new/dev
$busybox mkdir -p /new/dev/pts /new/dev/shm
$busybox mount -t devpts devpts /new/dev/pts
$busybox mount -t tmpfs tmpfs /new/dev/shm
$busybox mount -t tmpfs -o mode=755 tmpfs /new/run
$busybox mkdir /new/run/netns /new/run/lock
$busybox mount -t bpf bpf /new/sys/fs/bpf
$busybox mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
release=$($busybox uname -r)
$busybox mkdir -p "/new/lib/modules/$release"
$busybox mount --bind "/new$MODULES/$release" "/new/lib/modules/$release"
$busybox ip link set lo up

# The kernel's own threads have the root of process 1: without switch_root, no module would load
# itself on demand.
$busybox cat >/new/run/init <<'EOF'
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
: >"$FOLDER/started"
(cd "$TREE" && exec sh "$FOLDER/command") </dev/null >"$FOLDER/output" 2>&1
echo $? >"$FOLDER/status"
sync
echo 1 >/proc/sys/kernel/sysrq
echo b >/proc/sysrq-trigger
sleep 5
EOF
$busybox chmod +x /new/run/init
$busybox mount --move /run "/new$FOLDER"
$busybox umount /proc /sys /dev
export FOLDER TREE
exec $busybox switch_root -c /dev/console /new /run/init
