# SPDX-License-Identifier: GPL-2.0-or-later
"""Passive detection: what new connections say of a backend starts probes, and never ejects by itself."""
import os
import re
import sys
import time

import pytest
from conftest import PATIENCE, ROOT, service
from lab.topology import VIP4, v4

KNOCK = os.path.join(ROOT, "tests", "lab", "knock.py")
# A probe that by itself needs up to 15 seconds to notice.
SLOW = "{type: tcp, interval: 10s, fast_interval: 2500ms, timeout: 300ms, rise: 1, fall: 3}"
PER_BACKEND = 20
WARM_UP_S = 8


def passive(lab, backend):
    """What status says of a backend's new connections."""
    return lab.backend("web", backend)["passive"]


@pytest.fixture
def knock(lab):
    """Starts knock.py on the client; all end with the test."""
    running = []

    def start(kind, rate):
        running.append(lab.procs.start(f"knock-{kind}", [sys.executable, "-B", KNOCK, kind, VIP4, "80",
                                                         str(rate)], netns=lab.ns("client")))
        return running[-1]
    yield start
    for p in running:
        lab.procs.end(p)


def watch(lab, probe=SLOW):
    """An agent whose service is watched, all backends up."""
    lab.configure(lab.head() + "services:\n" + service(probe=probe, passive="true"))
    lab.start_agent()
    lab.wait_serving("web", 15)


def warm_up(lab, seconds=WARM_UP_S):
    """Until the service has a past to compare with; nobody is suspect."""
    time.sleep(seconds * PATIENCE)
    for b in lab.backends:
        p = passive(lab, b)
        assert p["sampled"] and p["completed"] and p["alarms"] == 0, p


def test_counts(lab, knock):
    """Rates, outcomes and the share that is completed; the gate follows the configuration."""
    watch(lab)
    knock("clients", 3 * PER_BACKEND)
    warm_up(lab)
    for b in lab.backends:
        p = passive(lab, b)
        assert 5 < p["connections_per_s"] < 60 and p["completion"] > 0.9 and p["alarm_at"] == "", p
    text = lab.cli("status").stdout
    assert "passive: web: b1: " in text and "of the last 5 s completed" in text
    assert lab.pinned("passive") and lab.pinned("passive_count")
    lab.configure(lab.head() + "services:\n" + service(probe=SLOW))
    lab.cli("config", "apply")
    lab.wait_for(lambda: not lab.pinned("passive"), 5, "the gate to close")
    assert passive(lab, "b1") is None
    assert lab.fetch(f"http://{VIP4}/") in lab.backends
    # Open again it begins with counters of zero, and takes that for no failure.
    lab.configure(lab.head() + "services:\n" + service(probe=SLOW, passive="true"))
    lab.cli("config", "apply")
    time.sleep(3 * PATIENCE)
    for b in lab.backends:
        p = passive(lab, b)
        assert p["sampled"] > 5 and p["alarms"] == 0 and p["completion"] > 0.9, p


@pytest.mark.parametrize("per_backend", [20, 7])
def test_dead_backend(lab, knock, per_backend, record_property):
    """A host is gone: down in about a second, where the probe alone looks every ten."""
    watch(lab)
    knock("clients", 3 * per_backend)
    warm_up(lab)
    began = time.monotonic()
    lab.cut_cable("b2")
    lab.wait_for(lambda: passive(lab, "b2")["alarms"], 8, "a passive alarm")
    alarm = time.monotonic() - began
    lab.wait_state("web", "b2", "down", 8)
    down = time.monotonic() - began
    print(f"note: {per_backend} SYN/s to the backend: alarm after {alarm:.2f} s, down after {down:.2f} s")
    record_property("alarm_s", round(alarm, 2))
    record_property("down_s", round(down, 2))
    assert "backend b2 has a passive alarm: " in lab.log_tail(50)
    assert "alarm " in lab.cli("status").stdout
    assert passive(lab, "b1")["alarms"] == passive(lab, "b3")["alarms"] == 0


def test_alarm_alone_does_not_eject(lab, knock):
    """Clients get no answer, probes do: the backend stays, and status says what is wrong."""
    watch(lab)
    knock("clients", 3 * PER_BACKEND)
    warm_up(lab)
    lab.ip("b2", "addr", "del", f"{VIP4}/32", "dev", "lo")
    try:
        lab.wait_for(lambda: passive(lab, "b2")["alarms"], 8, "a passive alarm")
        at = lab.backend("web", "b2")["probe"]["at"]
        time.sleep(2 * PATIENCE)
        b2 = lab.backend("web", "b2")
        assert b2["state"] == "up" and b2["slots"] and b2["probe"]["ok"]
        assert b2["passive"]["completion"] < 0.9 and b2["probe"]["at"] >= at
    finally:
        lab.ip("b2", "addr", "add", f"{VIP4}/32", "dev", "lo")


@pytest.fixture
def lossy(lab):
    """A network that loses frames."""
    lab.lose_frames()
    yield
    lab.lose_frames(False)


def test_loss_and_flood(lab, knock, lossy):
    """A fifth of the handshakes fails, then nearly all SYNs are a flood's: nobody is ejected."""
    watch(lab, probe=SLOW.replace("300ms", "2500ms"))
    knock("clients", 3 * PER_BACKEND)
    time.sleep(WARM_UP_S * PATIENCE)
    assert all(passive(lab, b)["incomplete"] for b in lab.backends)
    knock("flood", 3000)
    end = time.monotonic() + 12 * PATIENCE
    while time.monotonic() < end:
        for b in lab.backends:
            assert lab.backend("web", b)["state"] == "up"
        time.sleep(0.2)
    counts = {b: passive(lab, b) for b in lab.backends}
    print(f"note: loss and flood: {counts}")
    for p in counts.values():
        assert p["completion"] < 0.5 and p["connections_per_s"] > 300, p
    assert sum(p["alarms"] for p in counts.values()) == 0, counts


ADVICE = ("; its probes are well, but go to its own address and not through the tunnel: most likely it does not decapsulate "
          "IPIP. Check there: `ip -d link show type ipip` ")


def explained(lab, backend):
    """What `fairlead explain` says of a client's new connection that goes to that backend."""
    pages = (lab.cli("explain", f"{v4('client')}:{port}", f"{VIP4}:80").stdout for port in range(40000, 40100))
    return next(p for p in pages if f"backend   {backend}," in p)


def test_broken_decapsulation(lab, decap, knock):  # pylint: disable=unused-argument
    """Status and explain say what it is, while the probes go on to succeed; no longer once they fail."""
    lab.configure(lab.head() + "services:\n" + service(forward="ipip", probe=SLOW.replace("10s", "2500ms"), passive="true"))
    lab.start_agent()
    lab.wait_serving("web", 15)
    knock("clients", 3 * PER_BACKEND)
    lab.wait_for(lambda: all(passive(lab, b)["completed"] > PER_BACKEND for b in lab.backends), 10, "connections")
    assert all(passive(lab, b)["advice"] == "" for b in lab.backends)
    assert "\nalarm " not in explained(lab, "b2")
    lab.detach_xdp("b2")
    try:
        lab.wait_for(lambda: passive(lab, "b2")["advice"], 8, "what to check")
        b2 = lab.backend("web", "b2")
        assert b2["state"] == "up" and b2["probe"]["ok"]
        assert passive(lab, "b1")["advice"] == passive(lab, "b3")["advice"] == ""
        warnings = [w for w in lab.cli("status").stdout.splitlines() if w.startswith("warning: ")]
        assert [w.startswith("warning: web: backend b2: ") and ADVICE in w for w in warnings] == [True], warnings
        page = explained(lab, "b2")
        assert re.search(r"^probe +ok ", page, re.M)
        assert re.search(r"^alarm +\S+ ago: \d+ of \d+ new connections within \S+ s saw no answer", page, re.M)
        assert f"\ncheck     {ADVICE[2:]}" in page
        # It gets nothing new, of which nothing is to be said; then it does again.
        lab.cli("drain", "b2")
        lab.wait_for(lambda: not passive(lab, "b2")["advice"], 8, "it to be out")
        lab.cli("undrain", "b2")
        lab.wait_state("web", "b2", "up")
        lab.wait_for(lambda: passive(lab, "b2")["advice"], 8, "what to check")
        # Now they fail: it is down by its probes, and nothing is to be guessed.
        lab.cut_cable("b2")
        lab.wait_for(lambda: not passive(lab, "b2")["advice"], 8, "nothing to check")
        assert not lab.backend("web", "b2")["probe"]["ok"]
    finally:
        lab.decapsulate("b2")
