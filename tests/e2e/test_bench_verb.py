# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead bench`: traffic of a running balancer loses nothing meanwhile, and nothing is left of it, however it ends."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import service
from lab.lab import PATIENCE
from lab.pair import Stream
from lab.topology import VIP4
from test_bench import RCU, pins
from test_openapi import check_printed

PORT = 9997
PROBE = "{type: icmp, interval: 1s, fast_interval: 100ms, timeout: 500ms, rise: 1, fall: 3}"
NONE = "00:00:00:00:00:00"


@pytest.fixture(name="rcu")
def _rcu(tmp_path):
    """A file in the place of the machine's setting, which others may change meanwhile."""
    path = tmp_path / "rcu_expedited"
    path.write_text("7\n", encoding="ascii")
    return path


def start(lab, rcu, *options):
    """Begins a short one."""
    p = subprocess.Popen(["unshare", "-m", "sh", "-c", f"mount --bind {rcu} {RCU} && exec \"$@\"", "sh",
                          f"{lab.build}/fairlead", "bench", "--rounds", "1", *options], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    lab.procs.note(p.pid, "bench")
    return p


def child_of(lab, p):
    """The process that measures, once it has programs; and what it has: ids of programs and maps, and its namespaces."""
    def look():
        with open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii") as f:
            for pid in f.read().split():
                ids = held(pid)
                if len(ids) > 30:
                    return int(pid), ids
        return None
    pid, ids = lab.wait_for(look, 60 * PATIENCE, "it to load its programs")
    return pid, ids, {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in ("net", "mnt")}


def held(pid):
    """{("prog" or "map", id)} of its descriptors."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fdinfo"):
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as f:
                found |= {(kind, number) for kind, number in re.findall(r"^(prog|map)_id:\s+(\d+)", f.read(), re.M)}
    except OSError:
        pass
    return found


def is_there(kind, number):
    """Does the kernel know it still?"""
    return subprocess.run(["bpftool", kind, "show", "id", number], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def is_used(kind, link):
    """Is any process in that namespace?"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/{kind}") == link:
                return True
        except OSError:
            pass
    return False


def is_gone(lab, pid, ids, spaces):
    """Programs, maps, process and namespaces go a moment after it."""
    lab.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 20 * PATIENCE, "its process to end")
    assert not any(is_used(kind, link) for kind, link in spaces.items())
    assert {kind for kind, _ in ids} == {"prog", "map"}
    lab.wait_for(lambda: not any(is_there(*i) for i in ids), 20 * PATIENCE, "its programs and maps to go")


@pytest.fixture(name="stream")
def _stream(lab):
    """A datagram a millisecond through the balancer, and back."""
    servers = [Stream.serve(lab, b, VIP4, PORT) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service("echo", protocol="udp", port=PORT, probe=PROBE))
    lab.start_agent()
    lab.wait_serving("echo", 10 * PATIENCE)
    s = Stream(lab, VIP4, PORT)

    def is_quiet():
        until = time.monotonic_ns() - 50_000_000
        sent, lost, _, _ = s.look(until - 200_000_000, until, NONE)
        return sent > 50 and not lost
    lab.wait_for(is_quiet, 10 * PATIENCE, "a stream without a loss")
    yield s
    s.end()
    for p in servers:
        lab.procs.end(p)


def test_beside_traffic(lab, stream, rcu):
    """Nothing is lost, and the document says what was measured, and beside what."""
    before, steered = pins(), lab.verdicts()["send_l2"]
    since = time.monotonic_ns()
    p = start(lab, rcu, "--json")
    pid, ids, spaces = child_of(lab, p)
    with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as f:
        assert f.read() == "1000\n"
    assert len(os.sched_getaffinity(pid)) == 1 and os.sched_getscheduler(pid) == os.SCHED_OTHER
    out, err = p.communicate(timeout=240 * PATIENCE)
    assert p.returncode == 0, err
    until = time.monotonic_ns() - 200_000_000
    time.sleep(1)  # as stream.c wants it
    sent, lost, _, _ = stream.look(max(since, until - 55_000_000_000), until, NONE)
    assert lost == 0 and sent > 500
    assert lab.verdicts()["send_l2"] - steered > 500
    assert err == "" and rcu.read_text() == "7\n" and pins() == before
    is_gone(lab, pid, ids, spaces)
    check_printed("bench", out)
    doc = json.loads(out)
    assert list(doc) == ["version", "kernel", "machine", "processor", "cpus", "cpu", "load_average", "busy_before_percent",
                         "busy_others_percent", "seconds", "all", "rounds", "slices", "packets", "busy", "rows"]
    assert doc["cpu"] in os.sched_getaffinity(0) and doc["rounds"] == 1 and not doc["all"]
    assert 0 <= doc["busy_before_percent"] <= 100 and 0 <= doc["busy_others_percent"] <= 100
    assert doc["busy"] == (doc["busy_others_percent"] > 25)
    assert {r["name"].partition(":")[0] for r in doc["rows"]} == {"path", "step", "size"}
    for r in doc["rows"]:
        assert list(r) == ["name", "unit", "value", "min", "max", "n"] and r["n"] == 1
    (fed,) = [r["value"] for r in doc["rows"] if r["name"].startswith("path: feeder")]
    assert 1 < fed < 100000


@pytest.mark.parametrize("who, sig", [("parent", signal.SIGKILL), ("child", signal.SIGKILL), ("parent", signal.SIGINT)])
def test_killed(lab, rcu, who, sig):
    """One or the other: both go, with all that they had. It is said when there is somebody to say it."""
    before = pins()
    p = start(lab, rcu, "--cpu", str(max(os.sched_getaffinity(0))))
    pid, ids, spaces = child_of(lab, p)
    os.kill(pid if who == "child" else p.pid, sig)
    out, err = p.communicate(timeout=60 * PATIENCE)
    assert out == ""
    if who == "child":
        assert p.returncode == 1 and "ended by signal 9" in err
    elif sig == signal.SIGINT:
        assert p.returncode == 1 and "stopped by a signal" in err
    else:
        assert p.returncode == -signal.SIGKILL
    is_gone(lab, pid, ids, spaces)
    assert pins() == before and rcu.read_text() == "7\n"


def test_all(lab, rcu):
    """Only then the machine's rcu_expedited is touched, and it is what it was when that was interrupted."""
    p = start(lab, rcu, "--all")
    lab.wait_for(lambda: rcu.read_text().startswith("1"), 30 * PATIENCE, "it to be set")
    p.send_signal(signal.SIGINT)
    assert "stopped by a signal" in p.communicate(timeout=60 * PATIENCE)[1]
    assert rcu.read_text() == "7\n"


def fails(lab, *options, code=1, wrapper=()):
    """What it says on standard error."""
    r = subprocess.run([*wrapper, f"{lab.build}/fairlead", "bench", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=60 * PATIENCE)
    assert r.returncode == code and r.stdout == "", r
    return r.stderr


def test_refusals(network):
    """What can't be is said, and what is wrong with the command line."""
    assert "'0' is not a number of rounds, 1 to 999" in fails(network, "--rounds", "0", code=2)
    assert "'x' is not a CPU's number" in fails(network, "--cpu", "x", code=2)
    assert "'now' is too much" in fails(network, "now", code=2)
    assert "CPU 1023 is not there" in fails(network, "--cpu", "1023")
    assert "run the benchmark as root" in fails(network, wrapper=("setpriv", "--reuid=65534", "--clear-groups"))
