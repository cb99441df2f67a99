# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks of packets and of health in their short forms: they measure what they say, and their
results can be read.

No figure is judged. That every case's packets had the action, length and verdict that are to be
measured is the packet benchmark's own condition for writing results at all.
"""
import json
import os
import platform
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from lab.lab import PREFIX
from lab.topology import PINS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("FL_BUILD", "build"))
BINARY = f"{BUILD}/tests/bench/packet"
RCU = "/sys/kernel/rcu_expedited"
LIVE_FRAMES_SINCE = (5, 18)


def rcu_expedited():
    """The one setting of the machine that the benchmark changes for a while."""
    with open(RCU, encoding="ascii") as f:
        return f.read()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Path of the results of a short run."""
    path = str(tmp_path_factory.mktemp("bench") / "packet.json")
    before = rcu_expedited()
    r = subprocess.run([BINARY, path], env={**os.environ, "BENCH_QUICK": "1"}, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    assert r.returncode == 0, r.stdout
    assert rcu_expedited() == before
    return path


def read_rows(path):
    """Each has what docs/performance.md says."""
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    for r in rows:
        assert list(r) == ["name", "unit", "value", "min", "max", "n", "goal", "holds"]
        assert r["min"] <= r["value"] <= r["max"]
        assert (r["goal"] is None) == (r["holds"] is None)
        if r["goal"] is not None:
            sign, limit = r["goal"].split()
            below = r["value"] < float(limit)
            # Both are rounded: a goal that is met or missed by less than that may go either way.
            if abs(r["value"] - float(limit)) > 0.01 * float(limit):
                assert r["holds"] == (below if sign == "<=" else not below), r
    names = [(r["name"], r["unit"]) for r in rows]
    assert len(set(names)) == len(names)
    return rows


def pins():
    """What is pinned, but for the labs' that run beside this."""
    return {n for n in os.listdir("/sys/fs/bpf") if n != "fairlead" and not n.startswith(PINS.rpartition("/")[2])}


def test_rows(results):
    """All parts are there."""
    rows = read_rows(results)
    assert all(r["n"] in (1, 3) for r in rows)
    sections = {"path", "step", "size", "curve", "memory"}
    if tuple(int(n) for n in platform.release().split(".")[:2]) >= LIVE_FRAMES_SINCE:
        sections.add("live")
    assert {r["name"].partition(":")[0] for r in rows} == sections


def test_report(results, tmp_path):
    """The table has every row, the drawing is XML."""
    svg = str(tmp_path / "packet.svg")
    out = subprocess.run([sys.executable, f"{ROOT}/tests/bench/report.py", results, svg],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    with open(results, encoding="utf-8") as f:
        for r in json.load(f):
            assert any(line.startswith(r["name"]) for line in out.splitlines())
    assert ET.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_interrupted(tmp_path):
    """Stopped by hand it writes no results and leaves the machine as it was."""
    path = str(tmp_path / "packet.json")
    before = rcu_expedited()
    before_pins = pins()
    p = subprocess.Popen([BINARY, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stderr.readline().startswith("bench: path")
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=60)
    assert p.returncode == 1
    assert "stopped by a signal" in err
    assert not os.path.exists(path)
    assert rcu_expedited() == before
    assert pins() == before_pins


@pytest.mark.long
def test_health(tmp_path):
    """All parts of the benchmark of health, and nothing of it is left."""
    path = str(tmp_path / "health.json")
    before = rcu_expedited()
    prefix = f"{PREFIX}-h"
    r = subprocess.run([sys.executable, "-B", f"{ROOT}/tests/bench/health/health.py", BUILD, path],
                       env={**os.environ, "BENCH_QUICK": "1", "FL_LAB": prefix}, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    assert r.returncode == 0, r.stdout
    rows = read_rows(path)
    assert {r["name"].partition(":")[0] for r in rows} == {"scale", "rebuild", "detection", "look", "soak"}
    # Both ask every server every second; it is half of that or twice on no machine.
    for who in ("fairlead", "HAProxy"):
        (rate,) = [r["value"] for r in rows if r["name"].endswith(f"{who}'s connections")]
        assert 25 < rate < 100, r.stdout
    assert rcu_expedited() == before
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{prefix}")
    assert not [n for n in os.listdir("/run/netns") if n.startswith(f"{prefix}-")]


@pytest.mark.long
def test_failover(tmp_path):
    """All parts of the benchmark of failovers, and nothing of it is left."""
    path = str(tmp_path / "failover.json")
    prefix = f"{os.environ.get('FL_LAB', 'fl-e2e')}-f"
    r = subprocess.run([sys.executable, "-B", f"{ROOT}/tests/bench/failover/failover.py", BUILD, path],
                       env={**os.environ, "BENCH_QUICK": "1", "FL_LAB": prefix}, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    assert r.returncode == 0, r.stdout
    rows = read_rows(path)
    assert {r["name"].partition(":")[0] for r in rows} == {
        "kill -9", "SIGSTOP", "link down", "namespace gone", "SIGTERM", "planned", "tcp", "soak"}
    # A cable that is cut is missed by the stream, whoever is active; a kill of the agent is not.
    for row in rows:
        if row["name"].startswith("link down") and row["name"].endswith("longest"):
            assert row["value"] > 10, row
    assert not [n for n in os.listdir("/run/netns") if n.startswith(f"{prefix}-")]
