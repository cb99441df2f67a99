#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to look on: `fairlead top` beside an agent with thousands of backends, and what the agent pays.

usage: look.py BUILD RESULT.json

The network is that of scale.py. Backends are probed once a minute, so that what is seen is the looking. The
processor time is the kernel's own count of each thread (/proc/PID/task/TID/schedstat); how long the agent's loop was
away from what else came is its own (loop.turns of the status), by the clock: whatever took the processor meanwhile
is in it. LOOK_BACKENDS (4096), LOOK_ROUNDS (3), LOOK_SECONDS (10, of a turn).
"""
import glob
import os
import statistics
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
from scale import Net, UnixConnection, late_ms

BACKENDS = int(os.environ.get("LOOK_BACKENDS", 50 if QUICK else 4096))
ROUNDS = int(os.environ.get("LOOK_ROUNDS", 1 if QUICK else 3))
SECONDS = float(os.environ.get("LOOK_SECONDS", 2 if QUICK else 10))
REQUESTS = 20
KEPT_REQUESTS = 2 if QUICK else 5
KEPT_S = 1.1  # what is made once a second is made anew then
SETTLE_S = 0.02  # what an answer has used is given back, and the loop has turned
PROBE = "{type: tcp, interval: 60s, fast_interval: 500ms, rise: 1}"
SCRAPE_MS, TURN_MS = 5, 20  # goals
PAGES = {"services": "s", "backends of all services": "b"}


def used_ms(pid):
    """Processor time of all threads that a process has."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def loop_ms(pid):
    """Of the thread that runs the agent's loop: its first."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


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

    def cost(self, net, target, kept):
        """What each of some requests costs: KB, ms of the agent and of its loop, and the loop's longest turn meanwhile, ms.

        They are in a row, too short for much else to happen; what is kept for a second is asked for once in one.
        """
        pid, n = net.agent.pid, KEPT_REQUESTS if kept else REQUESTS
        length, all_ms, loop = len(self.get(target)), [], []
        before = net.timings()["loop"]["turns"]
        for _ in range(n):
            time.sleep(KEPT_S if kept else SETTLE_S)
            began = used_ms(pid), loop_ms(pid)
            self.get(target)
            time.sleep(SETTLE_S)
            all_ms.append(used_ms(pid) - began[0])
            loop.append(loop_ms(pid) - began[1])
        longest = late_ms(before, net.timings()["loop"]["turns"], 1)
        return {"KB": length / 1000, "agent": statistics.median(all_ms), "loop": statistics.median(loop),
                "turn": longest}


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
        for name, target in (("GET /v1/rates, those after", f"/v1/rates?layout={layout}&known={known}"),
                             ("GET /v1/rates, the first", "/v1/rates"), ("GET /v1/status", "/v1/status"),
                             ("GET /metrics", "/metrics"), ("GET /v1/report", "/v1/report")):
            costs.setdefault(name, []).append(requests.cost(net, target, target == "/metrics"))
    name = f"look: {BACKENDS} backends"
    rows = [row(f"{name}, top, {page}", "% of a core", [t[0] for t in turns], 2) for page, turns in tops.items()]
    rows += [row(f"{name}, the agent while nobody looks", "% of a core", idle)]
    rows += [row(f"{name}, the agent beside top, {page}", "% of a core", [t[1] for t in turns])
             for page, turns in tops.items()]
    for what, told in costs.items():
        rows += [row(f"{name}, {what}, of the agent", "ms", [t["agent"] for t in told]),
                 row(f"{name}, {what}, of its loop", "ms", [t["loop"] for t in told], SCRAPE_MS if what == "GET /metrics"
                     else None),
                 row(f"{name}, {what}, longest turn of the loop", "ms", [t["turn"] for t in told], TURN_MS),
                 row(f"{name}, {what}, its answer", "KB", [t["KB"] for t in told])]
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
