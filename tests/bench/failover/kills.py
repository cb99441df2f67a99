#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills of the active balancer, and its return: what a stream of datagrams, one a millisecond, loses.

usage: kills.py BUILD RESULT.json

In turns: fairlead and keepalived, adverts every 10 ms, then both with 100 ms, fairlead's with BFD. FL_BENCH_KILLS (200)
of each kind.
"""
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from rows import QUICK, row, save
from world import System, world

KILLS = int(os.environ.get("FL_BENCH_KILLS") or (1 if QUICK else 200))
SYSTEMS = (System("fairlead", 10), System("keepalived", 10), System("fairlead", 100, bfd_ms=10),
           System("keepalived", 100))[:2 if QUICK else 4]
EVENTS = (("kill -9", "kill", "restart"), ("SIGSTOP", "freeze", "thaw"), ("link down", "unplug", "plug"),
          ("namespace gone", "vanish", "rebuild"), ("SIGTERM", "terminate", "restart"))
PLANNED = ("planned", "hand_over", "take_back") # keepalived's is SIGTERM
KINDS = ("kill -9", "SIGSTOP", "link down", "namespace gone")
MOST_P95_MS, MOST_MS = 50, 100
TICK_MS = 1 # of the stream: less can't be told apart


def quantile(values, share):
    """The smallest value that this share of all is not above."""
    return sorted(values)[max(0, -(-len(values) * share // 100) - 1)]


def p95(values):
    """As a judge of rows."""
    return quantile(values, 95)


def rows_of(system, kind, there, again, rival):
    """Of one kind of end; rival: what keepalived did at the same interval, for fairlead's goals."""
    name = f"{kind}: {system.name}"
    blackouts, announced = ([r[i] for r in there] for i in (1, 2))
    goals = {}
    if system.ours and kind in KINDS:
        goals = {"median": statistics.median(r[1] for r in rival) + TICK_MS, "p95": MOST_P95_MS, "most": MOST_MS}
    elif system.ours:
        goals = {"most": 0}
    return [row(f"{name}, blackout, median", "ms", blackouts, goals.get("median")),
            row(f"{name}, blackout, p95", "ms", blackouts, goals.get("p95"), p95),
            row(f"{name}, blackout, longest", "ms", blackouts, goals.get("most"), max),
            row(f"{name}, until the other one announces itself", "ms", announced),
            row(f"{name}, back again: lost, most", "count", [lost for lost, _, _ in again],
                0 if system.ours else None, max)]


def rivals(results, system, kind):
    """What keepalived did at the same interval; a planned failover has the SIGTERM of keepalived beside it."""
    kind = "SIGTERM" if kind == PLANNED[0] else kind
    return [r for s in SYSTEMS if not s.ours and s.interval_ms == system.interval_ms
            for r in results[s.name, kind][0]]


def events_of(system):
    """What befalls its active balancer, and what brings it back."""
    return (*EVENTS, PLANNED) if system.ours else EVENTS


def measure(w):
    """All rows."""
    results = {(s.name, kind): ([], []) for s in SYSTEMS for kind, _, _ in events_of(s)}
    for i in range(KILLS):
        for s in SYSTEMS:
            w.begin(s)
            said = []
            for kind, event, back in events_of(s):
                there, again = w.cycle(getattr(w, event), getattr(w, back))
                for to, one in zip(results[s.name, kind], (there, again)):
                    to.append(one)
                said.append(f"{kind} {there[1]:.0f}/{there[2]:.0f} ms, back {again[0]} lost")
            print(f"  {i + 1} of {KILLS}, {s.name}: {'; '.join(said)}", flush=True)
    rows = []
    for kind, _, _ in (*EVENTS, PLANNED):
        for s in SYSTEMS:
            if (s.name, kind) in results:
                rows += rows_of(s, kind, *results[s.name, kind], rivals(results, s, kind))
    return rows


def main(build, path):
    """A world that is removed whatever happens."""
    with world(build) as w:
        rows = measure(w)
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
