# SPDX-License-Identifier: GPL-2.0-or-later
"""bpffs at /sys/fs/bpf: mounted if it is not, and taken down again only by who mounted it."""
import os

from .topology import run

PATH = "/sys/fs/bpf"


def mounted():
    """Is bpffs there?"""
    with open("/proc/mounts", encoding="utf-8") as f:
        return any(line.split()[1:3] == [PATH, "bpf"] for line in f)


def mount_if_missing(folder):
    """Mounts it and leaves a note in `folder` that we did."""
    if mounted():
        return
    run("mount", "-t", "bpf", "bpf", PATH)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/mounted-bpffs", "w", encoding="ascii"):
        pass


def unmount_if_ours(folder):
    """Unmounts it if the note is there and nobody has pinned anything meanwhile."""
    note = f"{folder}/mounted-bpffs"
    if not os.path.exists(note):
        return
    os.unlink(note)
    if mounted() and not [n for n in os.listdir(PATH) if not n.endswith(".debug")]:
        run("umount", PATH, check=False)
