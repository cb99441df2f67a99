#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether backends that are well are ejected by a bad network and a flood.

usage: soak.py BUILD RESULT.json

The lab's network, each of whose cables loses one frame in twenty in each direction (lossy.bpf.c), with
clients, and a flood of SYNs from addresses that nobody has. All servers live all the time: each verdict
against one is false. DURATION (600, seconds).
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.topology import VIP4
from detect import KNOCK, Detection
from rows import QUICK, row, save

DURATION = float(os.environ.get("DURATION") or (5 if QUICK else 600))
# A SYN that is lost is sent again after 1 and 3 s.
PROBE = "{type: http, path: /, interval: 1s, timeout: 3500ms, rise: 2, fall: 3}"
CLIENTS, FLOOD = 60, 3000


def counts(lab):
    """Passive alarms, and what the log says of verdicts against somebody."""
    with open(lab.agent_log, encoding="utf-8") as f:
        log = f.read()
    return log.count(" has a passive alarm: "), log.count(" is down: "), log.count(" is suspect: ")


def soak(d):
    """All rows."""
    lab = d.lab
    d.serve(PROBE, passive="true")
    lab.lose_frames()
    before = counts(lab)
    knocks = [lab.procs.start(f"knock-{kind}", [sys.executable, "-B", KNOCK, kind, VIP4, "80", str(rate)],
                              netns=lab.ns("client")) for kind, rate in (("clients", CLIENTS), ("flood", FLOOD))]
    began, told = time.monotonic(), 0
    while time.monotonic() - began < DURATION:
        time.sleep(min(1, DURATION))
        if (time.monotonic() - began) // 60 > told:
            told += 1
            print(f"  {told} of {DURATION / 60:.0f} min: {lab.counts()['send_l2']} packets sent on, "
                  f"{counts(lab)[1] - before[1]} ejections", flush=True)
    alarms, down, suspect = (b - a for a, b in zip(before, counts(lab)))
    status = lab.status()
    if any(p.poll() is not None for p in knocks):
        raise RuntimeError("the clients or the flood have ended before their time")
    incomplete, sampled = (sum(b["passive"][k] for b in status["services"][0]["backends"])
                           for k in ("incomplete", "sampled"))
    name = f"soak: {DURATION:.0f} s, 5 % loss on every cable, {FLOOD} spoofed SYNs a second"
    return [row(f"{name}, false ejections", "count", [down + suspect], 0),
            row(f"{name}, passive alarms", "count", [alarms]),
            row(f"{name}, probes", "count", [status["probes"]["late"]["count"]]),
            row(f"{name}, SYNs that saw no answer, of those noted", "share", [incomplete / max(sampled, 1)])]


def main(build, path):
    """A lab that is removed whatever happens."""
    d = Detection(os.path.abspath(build))
    bpffs.mount_if_missing(d.lab.folder)
    try:
        d.up()
        rows = soak(d)
    finally:
        d.lab.down()
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
