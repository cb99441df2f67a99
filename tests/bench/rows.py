# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of figures, as the other benchmarks write them."""
import json
import os
import statistics

QUICK = os.environ.get("BENCH_QUICK") == "1"


def row(name, unit, values, most=None, judged=statistics.median):
    """Of some rounds' figures; most: the goal of what `judged` makes of them."""
    value = judged(values)
    made = {"name": name, "unit": unit, "value": round(value, 3), "min": round(min(values), 3),
            "max": round(max(values), 3), "n": len(values), "goal": None if most is None else f"<= {most:g}",
            "holds": None if most is None else value <= most}
    goal = f" (goal {made['goal']})" if made["goal"] else ""
    print(f"  {name}: {made['value']} {unit}, {made['min']} to {made['max']}, n={made['n']}{goal}", flush=True)
    return made


def save(rows, path):
    """The file that a part leaves."""
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
