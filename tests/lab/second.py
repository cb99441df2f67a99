# SPDX-License-Identifier: GPL-2.0-or-later
"""A second balancer in a lab's network, with an agent of its own."""
import os

from .lab import Lab


class Second(Lab):
    """What a Lab does on lb, this one does on lb2; the rest of the network is the same."""

    def __init__(self, lab):
        super().__init__(lab.prefix, lab.build, f"{lab.folder}/lb2", f"{lab.instance}-2")

    def ns(self, host):
        return super().ns("lb2" if host == "lb" else host)

    def up(self):
        os.makedirs(self.folder, exist_ok=True)
        self.procs.end_recorded()
        self.remove_pins()
        self.add_host("lb2")

    def clean(self):
        """Takes the balancer away again."""
        self.procs.end_recorded()
        self.remove_pins()
        self.remove_host("lb")
