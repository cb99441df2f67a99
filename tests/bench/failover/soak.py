#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a machine that is busy is taken for dead.

usage: soak.py BUILD RESULT.json

Two balancers with adverts every 10 ms and a BFD session of 3 x 10 ms, a stream of datagrams, and a process for each
CPU that never rests. Nobody dies: each change of the active balancer is false. FL_BENCH_SOAK (3600, seconds).
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from rows import QUICK, row, save
from world import HOSTS, System, world

DURATION = float(os.environ.get("FL_BENCH_SOAK") or (3 if QUICK else 3600))
PACE_MS = 100 if QUICK else 10 # the tests run on machines that do other things
LOOK_S = 5 # the stream remembers two minutes


def states(w):
    """Changes of the active balancer, BFD sessions that went down, and the worst wake-ups in ms, so far."""
    status = [w.agents[h].status() for h in HOSTS]
    return (sum(s["vrrp"]["groups"][0]["transitions"] for s in status),
            sum(s["bfd"]["sessions"][0]["downs"] for s in status),
            max(s["loop"]["late_p9999_us"] for s in status) / 1000)


def soak(w):
    """All rows."""
    w.begin(System("fairlead", PACE_MS, bfd_ms=PACE_MS))
    for i in range(os.cpu_count()):
        w.lab.procs.start(f"busy-{i}", [sys.executable, "-c", "while True: pass"])
    before, lost = states(w), 0
    began = looked = time.monotonic_ns()
    while looked - began < DURATION * 1e9:
        time.sleep(min(LOOK_S, DURATION))
        until = time.monotonic_ns() - 50_000_000
        lost += w.stream.look(looked, until, w.macs["lb"])[1]
        looked = until
        if (looked - began) // 60_000_000_000 > (looked - began - LOOK_S * 1e9) // 60_000_000_000:
            print(f"  {(looked - began) / 60e9:.0f} of {DURATION / 60:.0f} min: {states(w)}, {lost} lost", flush=True)
    after = states(w)
    name = f"soak: {DURATION:.0f} s, {os.cpu_count()} busy processes on as many CPUs, adverts and BFD every {PACE_MS} ms"
    return [row(f"{name}, false failovers", "count", [after[0] - before[0]], 0),
            row(f"{name}, BFD sessions lost", "count", [after[1] - before[1]], 0),
            row(f"{name}, the real-time thread's lateness, 99.99 %", "ms", [after[2]]),
            row(f"{name}, datagrams lost", "count", [lost])]


def main(build, path):
    """A world that is removed whatever happens."""
    with world(build) as w:
        rows = soak(w)
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
