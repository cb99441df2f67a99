#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long packets go to a backend that has failed.

usage: detect.py BUILD RESULT.json

The lab's network. A backend's nginx is killed (its kernel resets what comes), is stopped (connections are
made, and nobody answers), or its cable is cut; measured is the time until the live slot table no longer
names it (slotwatch.c). The last one with probes every ten seconds, so that only the clients' unanswered
connections can tell. HEALTH_TRIES (15).
"""
import os
import random
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import Lab
from lab.procs import children
from lab.topology import VIP4, v4
from rows import QUICK, row, save

TRIES = int(os.environ.get("HEALTH_TRIES", 2 if QUICK else 15))
KNOCK = os.path.join(ROOT, "tests", "lab", "knock.py")
FAST = ("{type: http, path: /, interval: 100ms, fast_interval: 100ms, timeout: 100ms, jitter: 0%, rise: 2, "
        "fall: 2}")
SLOW = "{type: tcp, interval: 10s, fast_interval: 2500ms, timeout: 200ms, rise: 1, fall: 3}"
PER_BACKEND = 20
WARM_UP_S = 2 if QUICK else 30 # of clients, so that there is a past to compare with
WATCH_S = 15


def alarm_s(lab, backend):
    """When the last passive alarm of a backend was, seconds since midnight as its log has them."""
    with open(lab.agent_log, encoding="utf-8") as f:
        found = re.findall(rf"T(\d+):(\d+):([\d.]+)Z warn: .* backend {backend} has a passive alarm", f.read())
    h, m, s = found[-1] if found else ("0", "0", "-1")
    return int(h) * 3600 + int(m) * 60 + float(s)


class Detection:
    """The lab, and one failure after the other."""

    def __init__(self, build):
        self.lab = Lab(os.environ.get("FL_LAB", "fl-health"), build, f"{build}/health-detect")
        self.rng = random.Random(1)

    def up(self):
        """Network and servers."""
        self.lab.up()
        for b in self.lab.backends:
            self.lab.start_nginx(b)

    def serve(self, probe, **more):
        """An agent with one service, all backends up."""
        lab = self.lab
        lines = [f"  - name: web\n    vip: {VIP4}\n    port: 80\n    slots: 4096\n    probe: {probe}"]
        lines += [f"    {k}: {v}" for k, v in more.items()]
        lines += ["    backends:"] + [f"      - {{id: {b}, address: {v4(b)}}}" for b in lab.backends]
        lab.configure(lab.head() + "services:\n" + "\n".join(lines) + "\n")
        if lab.agent:
            lab.stop_agent()
            lab.remove_pins()
        lab.start_agent()
        lab.wait_serving("web", 30)

    def failure(self, backend, fail):
        """Milliseconds from the failure until no slot names the backend."""
        lab = self.lab
        root = os.path.dirname(lab.pin("services"))
        with subprocess.Popen([f"{lab.build}/tests/health/slotwatch", root, "web", backend, str(WATCH_S)],
                              stdout=subprocess.PIPE, text=True) as watch:
            watch.stdout.readline()
            # At any phase of the probe's interval.
            time.sleep(self.rng.uniform(0, 0.2))
            began = time.monotonic_ns()
            fail(backend)
            said = watch.stdout.readline()
        if not said:
            raise RuntimeError(f"{backend} keeps its slots {WATCH_S} s after it has failed")
        return (int(said) - began) / 1e6

    def back(self, patience):
        """Until all backends have slots, and nothing waits for a grace period."""
        self.lab.wait_serving("web", patience)
        time.sleep(0.1)

    def crash(self):
        """Killed, its port is closed."""
        self.serve(FAST)
        times = []
        for i in range(TRIES):
            b = self.lab.backends[i % 3]
            times.append(self.failure(b, self.lab.kill_nginx))
            self.lab.start_nginx(b)
            self.back(5)
        return times

    def hang(self):
        """Stopped, its port stays open."""
        def signal_all(b, sig):
            for pid in (self.lab.nginx[b].pid, *children(self.lab.nginx[b].pid)):
                os.kill(pid, sig)
        self.serve(FAST)
        times = []
        for i in range(TRIES):
            b = self.lab.backends[i % 3]
            try:
                times.append(self.failure(b, lambda b: signal_all(b, signal.SIGSTOP)))
            finally:
                signal_all(b, signal.SIGCONT)
            self.back(5)
        return times

    def passive(self):
        """Unplugged, and only clients notice; times until the alarm and until the slots follow."""
        lab, alarms, times = self.lab, [], []
        self.serve(SLOW, passive="true")
        knock = lab.procs.start("knock", [sys.executable, "-B", KNOCK, "clients", VIP4, "80",
                                          str(PER_BACKEND * 3)], netns=lab.ns("client"))
        time.sleep(WARM_UP_S)
        for i in range(TRIES):
            b = lab.backends[i % 3]
            began = time.time() % 86400
            times.append(self.failure(b, lab.cut_cable))
            alarms.append((alarm_s(lab, b) - began) * 1000)
            lab.mend_cable(b)
            self.back(15)
            time.sleep(min(WARM_UP_S, 3))
        lab.procs.end(knock)
        return alarms, times

    def run(self):
        """All rows."""
        probes = "probes by HTTP every 100 ms"
        rows = [row(f"detection: killed, its port resets, {probes}, worst", "ms", self.crash(), 110, max)]
        rows.append(row(f"detection: stopped (SIGSTOP), {probes}, timeout 100 ms, fall 2, worst", "ms", self.hang(),
                        350, max))
        alarms, times = self.passive()
        name = f"detection: cable cut, {PER_BACKEND} SYNs a second to it, passive, probes every 10 s, timeout 200 ms"
        rows += [row(f"{name}, until the alarm", "ms", alarms), row(name, "ms", times, 1000)]
        return rows


def main(build, path):
    """A lab that is removed whatever happens."""
    d = Detection(os.path.abspath(build))
    bpffs.mount_if_missing(d.lab.folder)
    try:
        d.up()
        rows = d.run()
    finally:
        d.lab.down()
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
