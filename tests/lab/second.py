# SPDX-License-Identifier: GPL-2.0-or-later
"""One more balancer in a lab's network, with an agent of its own."""
import os

from .lab import Lab
from .topology import v4


class Second(Lab):
    """What a Lab does on lb, this one does on lb2 or lb3; the rest of the network is the same."""

    def __init__(self, lab, host="lb2"):
        super().__init__(lab.prefix, lab.build, f"{lab.folder}/{host}", f"{lab.instance}-{host[2:]}")
        self.host = host

    def ns(self, host):
        return super().ns(self.host if host == "lb" else host)

    def up(self):
        os.makedirs(self.folder, exist_ok=True)
        self.procs.end_recorded()
        self.remove_pins()
        self.add_host(self.host)

    def clean(self):
        """Takes the balancer away again."""
        self.procs.end_recorded()
        self.remove_pins()
        self.remove_host("lb")


def split(pair, on=True):
    """The two agents don't hear each other, and serve on; or they do again."""
    for one, other in zip(pair, ("lb2", "lb")):
        one.ip("lb", "route", "add" if on else "del", "blackhole", v4(other), check=on)
    for one in pair if on else ():
        one.wait_for(lambda one=one: one.status()["peers"]["list"][0]["state"] != "up", 5, "the peer to be silent")
