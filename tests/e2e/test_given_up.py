# SPDX-License-Identifier: GPL-2.0-or-later
"""Backends that are removed with --now, or die: how long their connections and flows stay with them."""
import json
import signal
import time

import pytest
from conftest import service
from lab.holder import Holder
from lab.lab import PATIENCE
from lab.topology import run, v4
from test_transitions import HOLD, PORT, PROBE, servers  # pylint: disable=unused-import

DOWN_HOLD = 10  # seconds, the default
PASSES = 15  # two passes over the records, and what comes before them
CONNECTIONS = 30
HEIR = "10.77.0.99"  # another address of b3


@pytest.fixture(params=["l2", "fullnat"])
def pool(request, lab, servers):  # pylint: disable=unused-argument,redefined-outer-name
    """A lab, and how its service forwards; the balancer routes what full NAT needs it for."""
    lab.sysctl("lb", ipv4__ip_forward=1)
    lab.forward, lab.holder = request.param, None
    lab.ip("b3", "addr", "add", f"{HEIR}/24", "dev", "eth0")
    yield lab
    lab.ip("b3", "addr", "del", f"{HEIR}/24", "dev", "eth0")
    lab.sysctl("lb", ipv4__ip_forward=0)
    if lab.holder:
        lab.holder.close()


def configure(lab, backends=("b1", "b2", "b3"), hold=HOLD, **more):
    """The service in the file."""
    lab.configure(lab.head(snat=f"{{source4: [{v4('lb')}], ports: 10000-19999}}") + "services:\n" +
                  service(port=PORT, probe=PROBE, hold=f"{hold}s", forward=lab.forward, backends=[
                      (b, HEIR if b == "heir" else v4(b), 100) for b in backends], **more))


def begin(lab, kind):
    """Connections, or flows, over all backends: how many of each."""
    lab.start_agent()
    lab.wait_serving("web")
    lab.holder = Holder(lab, PORT, kind)
    lab.holder.ask(f"open {CONNECTIONS}")
    first = lab.holder.ask("talk")
    assert first["broken"] == 0 and set(first["by"]) == set(lab.backends)
    return first["by"]


def talk_for(lab, seconds):
    """All of them speak all the time; what the last round said."""
    until = time.monotonic() + seconds
    while True:
        said = lab.holder.ask("talk")
        if time.monotonic() > until:
            return said
        time.sleep(0.2)


def dump(lab, name):
    """A map, as bpftool formats it."""
    rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", lab.pin(name)))
    return [r.get("formatted", r) for r in rows]


def indices(lab, name):
    """The entries of `backends` that are of this id."""
    return {r["key"] for r in dump(lab, "backends") if r["value"]["id"] == name and r["value"]["mode"]}


def recorded(lab):
    """The entries that anything in `flows` or `nat_flows` names."""
    named = set()
    for name in ("flows", "nat_flows") if lab.forward == "fullnat" else ("flows",):
        # One that is deleted meanwhile has an error in the place of its value.
        values = [r["value"] for r in dump(lab, name)]
        named |= {v["backend"] for v in values if "backend" in v}
    return named


@pytest.mark.parametrize("pool, killed", [
    pytest.param("l2", False, id="l2-"), pytest.param("fullnat", True, id="fullnat-killed"),
    pytest.param("l2", True, id="l2-killed", marks=pytest.mark.long),
    pytest.param("fullnat", False, id="fullnat-", marks=pytest.mark.long)], indirect=["pool"])
def test_removed_at_once(pool, killed):
    """Its connections have `down_hold`, though they speak; also if the agent is killed meanwhile."""
    configure(pool)
    first = begin(pool, "tcp")
    was = indices(pool, "b1")
    configure(pool, backends=("b2", "b3"))
    began = time.monotonic()
    pool.cli("config", "apply", "--now")
    if killed:
        talk_for(pool, 2)
        pool.stop_agent(signal.SIGKILL)
        pool.start_agent()
    said = talk_for(pool, DOWN_HOLD - 1 - (time.monotonic() - began))
    assert (said["by"], said["broken"], said["moved"]) == (first, 0, 0)
    assert was <= recorded(pool)
    # Somebody else comes meanwhile, and must not get its entry.
    configure(pool, backends=("b2", "b3", "heir"))
    pool.cli("config", "apply")
    pool.wait_for(lambda: talk_for(pool, 0) and was.isdisjoint(recorded(pool)), DOWN_HOLD + PASSES,
                  "its records to go, though they speak")
    assert indices(pool, "heir") and was.isdisjoint(indices(pool, "heir"))
    said = talk_for(pool, 0)
    assert said["moved"] == 0 and said["broken"] == first["b1"]
    assert {b: said["by"].get(b) for b in ("b2", "b3")} == {b: first[b] for b in ("b2", "b3")}
    assert "b1" not in [b["id"] for b in pool.status()["services"][0]["backends"]]


def test_udp_leaves_the_dead(pool):
    """A flow that never ceases to speak is not sent to a dead backend for ever: it has nobody to say that."""
    configure(pool, hold=30, protocol="udp")
    first = begin(pool, "udp")
    pool.cut_cable("b1")
    try:
        pool.wait_state("web", "b1", "down", 5)
        pool.wait_for(lambda: not pool.holder.ask("talk")["broken"], (DOWN_HOLD + PASSES) * PATIENCE,
                      "its flows to be served by others")
        said = talk_for(pool, 0)
    finally:
        pool.mend_cable("b1")
    assert all(said["by"][b] >= first[b] for b in ("b2", "b3")) and "b1" not in said["by"]
