#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills of the active balancer, and its return: what a stream of datagrams, one a millisecond, loses.

usage: kills.py BUILD RESULT.json

In turns: fairlead and keepalived, adverts every 10 ms, then both with 100 ms, fairlead's with BFD. FL_BENCH_KILLS (200)
of each kind.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from rows import QUICK, row, save
from world import System, world

KILLS = int(os.environ.get("FL_BENCH_KILLS") or (1 if QUICK else 200))
SYSTEMS = (System("fairlead", 10), System("keepalived", 10), System("fairlead", 100, bfd_ms=10),
           System("keepalived", 100))
EVENTS = (("kill -9", "kill", "restart"), ("SIGSTOP", "freeze", "thaw"), ("link down", "unplug", "plug"),
          ("namespace gone", "vanish", "rebuild"), ("SIGTERM", "terminate", "restart"))
KINDS = ("kill -9", "SIGSTOP", "link down", "namespace gone")
MOST_P95_MS, MOST_MS = 50, 100


def quantile(values, share):
    """The smallest value that this share of all is not above."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def p95(values):
    """As a judge of rows."""
    return quantile(values, 95)


def rows_of(system, kind, there, again, rival):
    """Of one kind of end; rival: keepalived's blackouts at the same interval, for fairlead's rows."""
    name = f"{kind}: {system.name}"
    judged = system.ours and kind in KINDS
    blackouts, announced = [b for _, b, _ in there], [a for _, _, a in there]
    back = "return" if kind != "planned" else "taken back"
    return [row(f"{name}, blackout, median", "ms", blackouts, sorted(rival)[len(rival) // 2] if judged else None),
            row(f"{name}, blackout, p95", "ms", blackouts, MOST_P95_MS if judged else None, p95),
            row(f"{name}, blackout, longest", "ms", blackouts, MOST_MS if judged else None, max),
            row(f"{name}, until the other one announces itself", "ms", announced),
            row(f"{name}, {back}, datagrams lost, most", "count", [lost for lost, _, _ in again],
                0 if system.ours else None, max)]


def measure(w):
    """All rows."""
    results = {(s.name, kind): ([], []) for s in SYSTEMS for kind, _, _ in EVENTS}
    for i in range(KILLS):
        for s in SYSTEMS:
            w.begin(s)
            said = []
            for kind, event, back in EVENTS:
                there, again = w.cycle(getattr(w, event), getattr(w, back))
                for to, one in zip(results[s.name, kind], (there, again)):
                    to.append(one)
                said.append(f"{kind} {there[1]:.0f}/{there[2]:.0f} ms, back {again[0]} lost")
            print(f"  {i + 1} of {KILLS}, {s.name}: {'; '.join(said)}", flush=True)
    rows = []
    for kind, _, _ in EVENTS:
        for s in SYSTEMS:
            rival = [b for other in SYSTEMS if not other.ours and other.interval_ms == s.interval_ms
                     for _, b, _ in results[other.name, kind][0]]
            rows += rows_of(s, kind, *results[s.name, kind], rival)
    return rows


def main(build, path):
    """A world that is removed whatever happens."""
    with world(build) as w:
        rows = measure(w)
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
