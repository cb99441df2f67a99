# SPDX-License-Identifier: GPL-2.0-or-later
"""Real routing daemons in the lab: BIRD 2, and FRR."""
import os
import re
import shutil

from .topology import run

FRR = "/usr/lib/frr"


class Bird:
    """BIRD on a host, from a configuration's text."""

    def __init__(self, lab, host, config):
        self.lab = lab
        self.host = host
        self.folder = f"{lab.folder}/bird-{host}"
        self.control = f"{self.folder}/ctl"
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/bird.conf", "w", encoding="utf-8") as f:
            f.write(config)
        self.process = lab.procs.start(
            f"bird-{host}", [shutil.which("bird") or "/usr/sbin/bird", "-f", "-c",
                             f"{self.folder}/bird.conf", "-s", self.control],
            netns=lab.ns(host), log=f"{self.folder}/bird.log")
        lab.wait_for(lambda: "BIRD" in self.ask("show", "status"), 5, f"BIRD on {host}")

    def ask(self, *command):
        """What birdc answers."""
        return run(shutil.which("birdc") or "/usr/sbin/birdc", "-s", self.control, *command,
                   check=False)

    def bfd(self, peer):
        """The state of a BFD session ("Up"), its interval and its detection time in s; None: no such."""
        m = re.search(rf"^{re.escape(peer)} +\S+ +(\w+) +\S+(?: \S+)? +([\d.]+) +([\d.]+)",
                      self.ask("show", "bfd", "sessions"), re.M)
        return (m[1], float(m[2]), float(m[3])) if m else None

    def stop(self):
        """A clean end."""
        self.lab.procs.end(self.process)


class Frr:
    """FRR's daemons on a host, configured by vtysh from one text."""

    def __init__(self, lab, host, config, daemons=("zebra", "bfdd")):
        self.lab = lab
        self.folder = f"{lab.folder}/frr-{host}"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        with open(f"{self.folder}/frr.conf", "w", encoding="utf-8") as f:
            f.write(config)
        # They drop their rights, and their sockets are in there.
        os.chmod(self.folder, 0o777)
        self.daemons = {name: self._start(host, name) for name in daemons}
        out = run("vtysh", "--vty_socket", self.folder, "-f", f"{self.folder}/frr.conf")
        if "Unknown command" in out or "% " in out:
            raise RuntimeError(f"FRR on {host}: {out}")

    def _start(self, host, name):
        with open(f"{self.folder}/{name}.conf", "w", encoding="utf-8"):
            pass
        argv = [f"{FRR}/{name}", "-f", f"{self.folder}/{name}.conf", "-i", f"{self.folder}/{name}.pid",
                "-z", f"{self.folder}/zserv.api", "--vty_socket", self.folder, "-P", "0", "--log", "stdout"]
        if name == "bfdd":
            argv += ["--bfdctl", f"{self.folder}/bfdd.sock"]
        p = self.lab.procs.start(f"frr-{name}-{host}", argv, netns=self.lab.ns(host),
                                 log=f"{self.folder}/{name}.log")
        self.lab.wait_for(lambda: os.path.exists(f"{self.folder}/{name}.vty"), 10, f"{name} on {host}")
        return p

    def ask(self, *commands):
        """What vtysh answers."""
        argv = [w for c in commands for w in ("-c", c)]
        return run("vtysh", "--vty_socket", self.folder, *argv, check=False)

    def stop(self):
        """A clean end."""
        for p in reversed(self.daemons.values()):
            self.lab.procs.end(p)
