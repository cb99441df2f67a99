# SPDX-License-Identifier: GPL-2.0-or-later
"""A benchmark of several parts, each a script of its own that leaves its rows in a file."""
import json
import os
import subprocess
import sys

import report
from rows import save


def run(here, parts, build, path, asked):
    """
    Runs those that are asked for (none: all), joins all that there are, prints the table; returns the rows.
    Rows of the parts that are not asked for stay as the last run left them.
    """
    folder = os.path.splitext(path)[0]
    os.makedirs(folder, exist_ok=True)
    with open("/proc/loadavg", encoding="ascii") as f:
        print(f"{os.uname().release}, {os.cpu_count()} CPUs, load average", f.read().strip(), flush=True)
    if set(asked) - set(parts):
        sys.exit(f"parts are {', '.join(parts)}")
    rows = []
    for part in parts:
        saved = f"{folder}/{part}.json"
        if not asked or part in asked:
            print(f"== {part}", flush=True)
            subprocess.run([sys.executable, "-B", f"{here}/{part}.py", os.path.abspath(build), saved], check=True)
        if os.path.exists(saved):
            with open(saved, encoding="utf-8") as f:
                rows += json.load(f)
    save(rows, path)
    report.table(rows)
    return rows
