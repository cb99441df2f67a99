#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes cost, and what comes of what they find: `make bench-health`.

usage: health.py BUILD RESULT.json [PART...]

Parts: scale, rebuild, detect, look, soak. Rows of the parts that are not asked for stay as the last run left
them. BENCH_QUICK=1 is the short form that the tests run; its figures say nothing.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable=wrong-import-position
import parts


def main(build, path, *asked):
    """Exit 1 when a backend that is well was ejected; goals of speed are only printed."""
    rows = parts.run(HERE, ("scale", "rebuild", "detect", "look", "soak"), build, path, asked)
    return any(r["holds"] is False for r in rows if r["name"].startswith("soak"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
