# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a connection was not opened: what the client saw, and what the balancer had to offer meanwhile.

The servers of these benchmarks never die, so each of the reasons but one is a fault: a connection that
was asked for while no backend took new ones (all drained, down or not probed yet) is dropped by intent.
"""
import threading
import time

EACH_S = 0.2
SYNS_S = (0, 1, 3, 7)  # when Linux sends the first one, and sends it again
NEAR_S = 0.5  # a sample is that old at most, and a verdict becomes slots
NOBODY = "no backend accepted any"
FAULTS = ("no answer", "refused", "no local port", "failed")


class Watch(threading.Thread):
    """Asks the agent all the time whether any backend takes new connections."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab = lab
        self.samples = []  # (time.monotonic(), names of those that do)
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(EACH_S):
            status = self.lab.try_status()
            if status:
                self.samples.append((time.monotonic(), accepting(status)))

    def end(self):
        """No more samples."""
        self.ended.set()
        self.join()

    def nobody_at(self, t):
        """Did no backend take new connections about then? An agent that is killed changes nothing."""
        before = [names for at, names in self.samples if at <= t - NEAR_S][-1:]
        about = [names for at, names in self.samples if abs(at - t) < NEAR_S]
        return any(not names for names in about or before)

    def reason(self, asked_s, why):
        """What is to be said of one that was asked for then."""
        if why == "no answer" and all(self.nobody_at(asked_s + s) for s in SYNS_S):
            return NOBODY
        return why


def accepting(status):
    """Backends that take new connections."""
    return {b["id"] for b in status["services"][0]["backends"] if b["state"] == "up" and b["weight"]}


def classes(watch, report):
    """{reason: how many} of all that were not opened; those that `talk` has only counted have "failed"."""
    found = {why: 0 for why in (NOBODY, *FAULTS)}
    for asked_ms, why in report["failures"]:
        found[watch.reason(asked_ms / 1000, why)] += 1
    found["failed"] += report["not_opened"] - len(report["failures"])
    return found


def queue_drops(lab):
    """SYNs and ACKs that the servers' kernels dropped because a listener's queue was full."""
    drops = 0
    for b in lab.backends:
        lines = [line.split() for line in lab.inside(b, "cat", "/proc/net/netstat").splitlines()
                 if line.startswith("TcpExt:")]
        counts = dict(zip(lines[0][1:], lines[1][1:]))
        drops += int(counts["ListenDrops"]) + int(counts["TCPReqQFullDrop"])
    return drops
