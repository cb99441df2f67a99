#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long clients get no answer when a balancer dies, beside keepalived: `make bench-failover`.

usage: failover.py BUILD RESULT.json [PART...]

Parts: kills, tcp, soak. Rows of the parts that are not asked for stay as the last run left them. FL_BENCH_KILLS (200) of
each kind, FL_BENCH_TCP (600) seconds of deaths in drains, FL_BENCH_SOAK (3600) seconds under load. BENCH_QUICK=1 is the
short form that the tests run; its figures say nothing.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable=wrong-import-position
import parts


def main(build, path, *asked):
    """Exit 1 when a balancer that lived was taken for dead, or a connection broke; goals of speed are only printed."""
    rows = parts.run(HERE, ("kills", "tcp", "soak"), build, path, asked)
    return any(r["holds"] is False for r in rows if r["name"].endswith(("false failovers", "broken")))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
