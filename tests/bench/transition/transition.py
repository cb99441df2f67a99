#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The proof that no connection is broken, all of it: `make bench-transition`.

usage: transition.py BUILD RESULT.json [PART...]

Parts: model (random sequences, Spin), trace, cost, tcp, kill (tcp.py --kill), attack. Rows of the parts that
are not asked for stay as the last run left them.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.dirname(HERE))
# pylint: disable=wrong-import-position
import report
from tcp import row

SEQUENCES = os.environ.get("FL_SEQUENCES", "4000000")


def say(argv, env=None):
    """Runs a command that may miss a goal; what it prints on stdout is passed on and returned."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, env=env)
    sys.stdout.write(r.stdout)
    sys.stdout.flush()
    return r


def model(build, _path):
    """Random sequences against the promise, each rule left out, and the Spin model."""
    r = say([f"{build}/tests/move/property_test"], {**os.environ, "FL_SEQUENCES": SEQUENCES})
    m = re.search(r"(\d+) sequences, (\d+) packets; breaks: avoidable (\d+)", r.stdout)
    if not m:
        sys.exit("property_test has not said what it has done")
    rules = len(re.findall(r'^note: without ".*" breaks|^note: without ".*": sequence', r.stdout, re.M))
    rows = [row("model: random sequences", "sequences", int(m.group(1))),
            row("model: their packets", "packets", int(m.group(2))),
            row("model: avoidable breaks", "breaks", int(m.group(3)), 0),
            row("model: rules without which a sequence breaks", "rules", rules)]
    r = say([f"{ROOT}/tests/move/spin/check.sh", f"{build}/tests/spin", f"{build}/tests/spin/spin.xml"])
    states = [int(n) for n in re.findall(r"ok .*: +(\d+) states, stored", r.stdout)]
    rows += [row("spin: states of the complete searches", "states", sum(states[:2])),
             row("spin: models, of 12, that come out as they must", "models", r.stdout.count("  ok "))]
    rows[-1].update(goal=">= 12", holds=r.returncode == 0 and r.stdout.count("  ok ") == 12)
    return rows


def from_file(argv, path):
    """What a part that writes rows of its own has written."""
    if os.path.exists(path):
        os.unlink(path)
    say(argv + [path])
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def python(script, *options):
    """A part that is a script here."""
    def run(build, path):
        if os.path.exists(path):
            os.unlink(path)
        say([sys.executable, "-B", f"{HERE}/{script}", build, path, *options])
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    return run


PARTS = {
    "model": model,
    "trace": lambda build, path: from_file([f"{build}/tests/transition/simulate"], path),
    "cost": lambda build, path: from_file([f"{build}/tests/transition/cost"], path),
    "tcp": python("tcp.py"),
    "kill": python("tcp.py", "--kill"),
    "attack": python("attack.py"),
}


def main(build, path, *parts):
    """Exit 1 when a goal is missed: these are not figures of speed."""
    build = os.path.abspath(build)
    folder = os.path.splitext(path)[0]
    os.makedirs(folder, exist_ok=True)
    with open("/proc/loadavg", encoding="ascii") as f:
        print("load average", f.read().strip(), flush=True)
    rows = []
    for name, part in PARTS.items():
        saved = f"{folder}/{name}.rows"
        if not parts or name in parts:
            print(f"== {name}", flush=True)
            with open(saved, "w", encoding="utf-8") as f:
                json.dump(part(build, f"{folder}/{name}.json"), f)
        if os.path.exists(saved):
            with open(saved, encoding="utf-8") as f:
                rows += json.load(f)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    report.table(rows)
    return any(r["holds"] is False for r in rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
