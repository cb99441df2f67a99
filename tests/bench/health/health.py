#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What probes cost, and what comes of what they find: `make bench-health`.

usage: health.py BUILD RESULT.json [PART...]

Parts: scale, rebuild, detect, soak. Rows of the parts that are not asked for stay as the last run left
them. BENCH_QUICK=1 is the short form that the tests run; its figures say nothing.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable=wrong-import-position
import report

PARTS = ("scale", "rebuild", "detect", "soak")


def main(build, path, *parts):
    """Exit 1 when a backend that is well was ejected; goals of speed are only printed."""
    folder = os.path.splitext(path)[0]
    os.makedirs(folder, exist_ok=True)
    with open("/proc/loadavg", encoding="ascii") as f:
        print(f"{os.uname().release}, {os.cpu_count()} CPUs, load average", f.read().strip(), flush=True)
    if set(parts) - set(PARTS):
        sys.exit(f"parts are {', '.join(PARTS)}")
    rows = []
    for part in PARTS:
        saved = f"{folder}/{part}.json"
        if not parts or part in parts:
            print(f"== {part}", flush=True)
            subprocess.run([sys.executable, "-B", f"{HERE}/{part}.py", os.path.abspath(build), saved], check=True)
        if os.path.exists(saved):
            with open(saved, encoding="utf-8") as f:
                rows += json.load(f)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    report.table(rows)
    return any(r["holds"] is False for r in rows if r["name"].startswith("soak"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
