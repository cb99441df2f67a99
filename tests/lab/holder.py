# SPDX-License-Identifier: GPL-2.0-or-later
"""The client of talk.py, which holds connections, as tests drive it."""
import json
import os
import subprocess
import sys

from .topology import VIP4

TALK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "talk.py")


class Holder:
    """The client that holds connections."""

    def __init__(self, lab, port, *kind, vip=VIP4, host="client"):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{lab.ns(host)}", sys.executable, "-B", TALK, "hold",
             vip, str(port), *kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.procs.note(self.process.pid, "talk-hold")

    def ask(self, command):
        """One command, one answer."""
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        """Its connections end with it."""
        self.process.stdin.close()
        self.process.wait(10)
