# SPDX-License-Identifier: GPL-2.0-or-later
"""One more balancer in a lab's network, with an agent of its own."""
import os

from .lab import Lab


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
