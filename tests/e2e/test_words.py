# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator says of a backend to one of two agents holds on both, and outlives cuts, kills and new machines."""
import json
import signal
import time

from conftest import service
from lab.second import split
from lab.topology import v4
from test_peers import balancer, configure, pair, start, wait_equal, wait_peer  # pylint: disable=unused-import


def begin(both, services=None):
    """Both serve, and know each other."""
    start(both, services)
    for one in both:
        one.wait_serving("web", 10)
    wait_equal(both)


def wait_everywhere(both, backend, state, name="web"):
    """Until both have it so, with the same tables."""
    for one in both:
        one.wait_state(name, backend, state)
    wait_equal(both)


def wait_heard(both):
    """The cut has ended."""
    for one in both:
        wait_peer(one, lambda p: p["state"] == "up", "the peer to be heard", 10)


def test_said_to_one(pair):
    """drain, undrain, disable, enable and weight; said here, done on both, and told as said elsewhere."""
    one, two = pair
    begin(pair, service() + service(name="second", port=8000, vip="192.0.2.11", backends=[("b1", v4("b1"), 100)]))
    time.sleep(1.5)  # tables that are the same are looked at once a second
    one.cli("drain", "b1")
    two.wait_state("web", "b1", "draining")
    # No packet has come by it, but what is established by the other one may come in a moment.
    two.wait_for(lambda: two.status()["services"][0]["transition"]["moving"], 2, "its slots to move, too")
    wait_everywhere(pair, "b1", "draining")
    wait_everywhere(pair, "b1", "draining", "second")
    assert two.backend("web", "b1")["slots"] == 0
    assert "service web: backend b1 is draining, as the operator asked at peer lb: no new flows" in two.log_tail(40)
    events = two.cli("events", "--kind", "operator").stdout
    assert "backend b1 drain: is draining, as the operator asked at peer lb: no new flows\n" in events
    # Taken back by the other one; in one service alone.
    two.cli("undrain", "b1", "--service", "web")
    wait_everywhere(pair, "b1", "up")
    assert all(p.backend("second", "b1")["state"] == "draining" for p in pair)
    two.cli("disable", "b2")
    wait_everywhere(pair, "b2", "disabled")
    one.cli("enable", "b2")
    wait_everywhere(pair, "b2", "up")
    one.cli("weight", "b3", "40%")
    two.wait_for(lambda: two.backend("web", "b3")["weight_percent"] == 40, 5, "the weight to be told")
    wait_equal(pair)


def test_cut(pair):
    """Said on both sides of a cut: the later word holds; of two as old as each other, the more cautious."""
    one, two = pair
    begin(pair)
    split(pair)
    try:
        one.cli("drain", "b1")
        two.cli("disable", "b1")
        two.cli("enable", "b1")
        one.cli("weight", "b2", "50%")
        two.cli("weight", "b2", "20%")
        one.cli("drain", "b3")
    finally:
        split(pair, on=False)
    wait_heard(pair)
    for p in pair:
        p.wait_state("web", "b1", "up")
        p.wait_for(lambda p=p: p.backend("web", "b2")["weight_percent"] == 20, 5, "the lower weight")
        p.wait_state("web", "b3", "draining")
    wait_equal(pair)


def test_ends(pair):
    """A word outlives kill -9 on both sides of a cut; a machine that starts from nothing takes it."""
    one, two = pair
    begin(pair)
    one.cli("drain", "b1")
    one.cli("undrain", "b1")
    wait_equal(pair)
    split(pair)
    try:
        one.cli("drain", "b1")
        one.wait_state("web", "b1", "draining")
        for p in pair:
            p.stop_agent(signal.SIGKILL)
        for p in pair:
            p.start_agent()
        assert one.backend("web", "b1")["state"] == "draining" and two.backend("web", "b1")["state"] != "draining"
    finally:
        split(pair, on=False)
    wait_heard(pair)
    wait_everywhere(pair, "b1", "draining")
    two.stop_agent()
    two.remove_pins()
    two.start_agent()
    wait_heard(pair)
    wait_everywhere(pair, "b1", "draining")
    assert two.backend("web", "b1")["slots"] == 0


def test_only_here(pair):
    """A backend that the other's file does not have, until it has: what was said meanwhile holds then."""
    one, two = pair
    begin(pair)
    configure(one, service(backends=[(b, v4(b), 100) for b in ("b1", "b2")]))
    one.cli("config", "apply")
    answer = json.loads(two.cli("drain", "b3", "--json").stdout)
    assert answer == {"changed": 1, "services": ["web"]}
    two.wait_state("web", "b3", "draining")
    configure(one, service())
    one.cli("config", "apply")
    wait_everywhere(pair, "b3", "draining")
