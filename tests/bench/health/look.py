#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to look on: `fairlead top` beside an agent with thousands of backends, and what the agent pays.

usage: look.py BUILD RESULT.json

The network is that of scale.py. Backends are probed once a minute, so that what is seen is the looking. The
processor time is the kernel's own count of each thread (/proc/PID/task/TID/schedstat). LOOK_BACKENDS (4096),
LOOK_ROUNDS (3), LOOK_SECONDS (10, of a turn).
"""
import glob
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.screen import Screen
from rows import QUICK, row, save
from scale import Net, UnixConnection

BACKENDS = int(os.environ.get("LOOK_BACKENDS", 50 if QUICK else 4096))
ROUNDS = int(os.environ.get("LOOK_ROUNDS", 1 if QUICK else 3))
SECONDS = float(os.environ.get("LOOK_SECONDS", 2 if QUICK else 10))
REQUESTS = 20
PROBE = "{type: tcp, interval: 60s, fast_interval: 500ms, rise: 1}"
PAGES = {"services": "s", "backends of all services": "b"}


def used_ms(pid):
    """Processor time of all threads that a process has."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def share(pids, wait):
    """Percent of a core that each of the processes uses while wait() goes on."""
    before, began = [used_ms(pid) for pid in pids], time.monotonic()
    wait()
    ms = (time.monotonic() - began) * 1000
    return [100 * (used_ms(pid) - b) / ms for pid, b in zip(pids, before)]


class Requests:
    """One connection to the agent's socket."""

    def __init__(self, net):
        self.connection = UnixConnection(net.socket)

    def get(self, target):
        """The answer's bytes."""
        self.connection.request("GET", target)
        return self.connection.getresponse().read()

    def cost_ms(self, pid, target):
        """(bytes, what each request costs the agent) of some in a row, too short for much else to happen."""
        length = len(self.get(target))
        before = used_ms(pid)
        for _ in range(REQUESTS):
            self.get(target)
        return length, (used_ms(pid) - before) / REQUESTS


def look(net, key):
    """[percent of a core of top, of the agent] on the page that the key leads to."""
    with Screen([f"{net.build}/fairlead", "-s", net.socket, "top"], 200, 60, 4) as s:
        def read(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                s.read(0.2)

        s.wait_for("PKT/S")
        s.press(key)
        read(2)
        shares = share([s.process.pid, net.agent.pid], lambda: read(SECONDS))
        s.press("q")
        if s.wait_end():
            raise RuntimeError("top did not end as it should")
    return shares


def measure(net):
    """All rows."""
    pid = net.start_fairlead(BACKENDS, PROBE)
    time.sleep(2)
    idle, tops, costs = [], {p: [] for p in PAGES}, {}
    for _ in range(ROUNDS):
        idle += share([pid], lambda: time.sleep(SECONDS))
        for page, key in PAGES.items():
            tops[page].append(look(net, key))
        requests = Requests(net)  # the agent closes one that is idle for long
        answer = requests.get("/v1/rates").decode()
        layout, known = (answer.partition(f'"{k}":')[2].split('"')[1] for k in ("layout", "known"))
        for name, target in (("GET /v1/status", "/v1/status"), ("GET /v1/rates, the first", "/v1/rates"),
                             ("GET /v1/rates, those after", f"/v1/rates?layout={layout}&known={known}")):
            costs.setdefault(name, []).append(requests.cost_ms(pid, target))
    name = f"look: {BACKENDS} backends"
    rows = [row(f"{name}, top, {page}", "% of a core", [t[0] for t in turns], 2) for page, turns in tops.items()]
    rows += [row(f"{name}, the agent while nobody looks", "% of a core", idle)]
    rows += [row(f"{name}, the agent beside top, {page}", "% of a core", [t[1] for t in turns])
             for page, turns in tops.items()]
    for what, told in costs.items():
        rows += [row(f"{name}, {what}, of the agent", "ms", [ms for _, ms in told]),
                 row(f"{name}, {what}, its answer", "KB", [length / 1000 for length, _ in told])]
    return rows


def main(build, path):
    """A lab that is removed whatever happens."""
    net = Net(os.path.abspath(build))
    bpffs.mount_if_missing(net.folder)
    try:
        net.up()
        net.start_servers()
        rows = measure(net)
    finally:
        net.down()
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
