# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine's root file system, on which can be written without consequences: an overlay in a mount namespace."""
import os
import shutil
import subprocess

from .topology import run

SETUP = """\
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t sysfs sysfs sys
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/systemd/system
mount --bind "$2" usr/bin/systemctl
if [ -e usr/sbin/policy-rc.d ]; then
	mount --bind bin/true usr/sbin/policy-rc.d
fi
echo ready
exec sleep infinity
"""


class Machine:
    """Its network is the lab's host `lb`; its bpffs, /run and /tmp are its own; systemctl.py is its systemctl."""

    def __init__(self, lab):
        self.lab = lab
        self.folder = f"{lab.folder}/machine"
        self.holder = None

    def up(self):
        """Builds it."""
        os.makedirs(self.folder, exist_ok=True)
        systemctl = os.path.join(os.path.dirname(os.path.abspath(__file__)), "systemctl.py")
        os.chmod(systemctl, 0o755)
        log = f"{self.folder}.log"
        open(log, "w", encoding="utf-8").close()
        self.holder = self.lab.procs.start(
            "machine", ["unshare", "--mount", "--propagation", "private", "sh", "-c", SETUP, "sh", self.folder,
                        systemctl], netns=self.lab.ns("lb"), log=log)

        def ready():
            with open(log, encoding="utf-8") as f:
                text = f.read()
            assert self.holder.poll() is None, text
            return "ready" in text
        self.lab.wait_for(ready, 10, "the overlay")

    def down(self):
        """Ends its agent, and it; the kernel unmounts."""
        self.run("systemctl", "stop", "fairleadd.service")
        self.lab.procs.end(self.holder)

    def enter(self, *argv):
        """The command that runs argv there."""
        return ["nsenter", f"--target={self.holder.pid}", "--mount", "--net", "chroot", f"{self.folder}/root", *argv]

    def run(self, *argv):
        """Runs it: a CompletedProcess, standard error within standard output."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(self.enter(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, env=env)

    def path(self, path):
        """A file there, as seen from here."""
        return f"/proc/{self.holder.pid}/root{self.folder}/root{path}"

    def read(self, path):
        """What is in it."""
        with open(self.path(path), encoding="utf-8") as f:
            return f.read()

    def write(self, path, text):
        """Writes it in place: mode and owner stay."""
        with open(self.path(path), "w", encoding="utf-8") as f:
            f.write(text)

    def put(self, source):
        """Copies a file of this machine to /tmp there; returns its path."""
        path = f"/tmp/{os.path.basename(source)}"
        shutil.copyfile(source, self.path(path))
        return path

    def changed(self):
        """Files, not folders, that are not as on this machine: made, written or removed."""
        upper = f"/proc/{self.holder.pid}/root{self.folder}/upper"
        found = run("find", upper, "!", "-type", "d", "-printf", "/%P\\n").splitlines()
        return set(found)
