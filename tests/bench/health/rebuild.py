#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a verdict costs in a service of many backends: the table computed, and made what packets find.

usage: rebuild.py BUILD RESULT.json

The network of scale.py with one service. A backend's address becomes unreachable and comes back, again
and again; the agent tells how long each of its tables took, with /sys/kernel/rcu_expedited at 0.
HEALTH_MEMBERS (1000), HEALTH_VERDICTS (30).
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
import scale
from rows import QUICK, row, save
from lab import bpffs

MEMBERS = int(os.environ.get("HEALTH_MEMBERS", 20 if QUICK else 1000))
VERDICTS = int(os.environ.get("HEALTH_VERDICTS", 4 if QUICK else 30))
RCU = "/sys/kernel/rcu_expedited"


def expedited(value):
    """Sets it; what it was."""
    with open(RCU, "r+", encoding="ascii") as f:
        was = f.read().strip()
        f.seek(0)
        f.write(value)
    return was


def verdict(net, n):
    """The times of the next table, milliseconds: a backend becomes unreachable, or reachable again."""
    before = net.timings()["tables"]["compute"]["count"]
    net.ip("srv", "route", "del" if n % 2 else "add", "unreachable", f"{scale.address(n // 2)}/32", "table",
           "local")
    after = net.wait_for(lambda: (lambda t: t if t["compute"]["count"] > before else None)(
        net.timings()["tables"]), 10, "a table")
    # The next one is not to wait for the grace period of this one.
    net.wait_for(lambda: net.backend("s0", f"b{n // 2}")["state"] == ("up" if n % 2 else "down"), 10, "a verdict")
    return after["compute"]["last_us"] / 1000, after["commit"]["last_us"] / 1000


def measure(net):
    """All rows."""
    net.start_fairlead(MEMBERS, "{type: tcp, interval: 200ms, fall: 2, rise: 2}")
    times = [verdict(net, n) for n in range(VERDICTS + 2)]
    # The first two fill the caches.
    compute, commit = zip(*times[2:])
    name = f"rebuild: {MEMBERS} backends, 65536 slots, after a verdict"
    return [row(f"{name}, the table computed", "ms", compute, 1),
            row(f"{name}, and then found by packets", "ms", commit, 1)]


def main(build, path):
    """A lab that is removed whatever happens."""
    net = scale.Net(os.path.abspath(build))
    was = expedited("0")
    bpffs.mount_if_missing(net.folder)
    try:
        net.up()
        net.start_servers()
        rows = measure(net)
    finally:
        net.down()
        expedited(was)
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
