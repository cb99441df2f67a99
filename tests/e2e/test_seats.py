# SPDX-License-Identifier: GPL-2.0-or-later
"""Seats that two agents exchange: equal tables whoever saw which change first, and no connection broken by it."""
import os
import secrets
import signal
import sys
import time

import pytest
from conftest import FAST, service
from lab.holder import TALK, Holder
from lab.second import Second, split
from lab.topology import VIP4, VIP4_B, v4

KEY = secrets.token_hex(32)
PORT = 7000
CONNECTIONS = 60
PROBE = FAST.replace("type: tcp", "type: tcp, port: 80")
HOLD = 4  # seconds
ABC = ("b1", "b2", "b3")
# Backends that go and come, until other seats are there than a fresh start would have.
WEAR = (("b1", "b2"), ("b1", "b2", "b3-b"), ("b2", "b3-b"), ("b1-b", "b2", "b3-b"))
WORN = WEAR[-1]


@pytest.fixture(scope="module")
def balancer(network):
    """lb2, and the servers that say who they are, as long as this module's tests run."""
    second = Second(network)
    second.up()
    running = [network.procs.start(f"talk-{b}", [sys.executable, "-B", TALK, "serve", b, str(PORT)],
                                   netns=network.ns(b)) for b in network.backends]
    yield second
    for p in running:
        network.procs.end(p)
    second.clean()


@pytest.fixture
def pair(lab, balancer):
    """Both of them, without agents; clients find the second address by lb2."""
    open(balancer.agent_log, "w", encoding="utf-8").close()
    lab.ip("client", "route", "replace", VIP4_B, "via", v4("lb2"))
    yield lab, balancer
    split((lab, balancer), on=False)
    for one in (lab, balancer):
        if one.agent and one.agent.poll() is None:
            one.stop_agent()
    balancer.remove_pins()
    lab.ip("client", "route", "replace", VIP4_B, "via", v4("lb"))
    if os.path.exists(balancer.socket):
        os.unlink(balancer.socket)


def text(backends):
    """Two services over the same backends, of ids that begin with their hosts' names."""
    backends = [(b, v4(b[:2]), 100) for b in backends]
    return "".join(service(name, vip, port=PORT, probe=PROBE, hold=f"{HOLD}s", slots=4096,
                           backends=backends)
                   for name, vip in (("web", VIP4), ("second", VIP4_B)))


def configure(one, backends, peers=True):
    """The file of one of them: the other is its peer."""
    me, other = ("lb2", "lb") if isinstance(one, Second) else ("lb", "lb2")
    path = f"{one.folder}/peers.key"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{KEY}\n")
    os.chmod(path, 0o600)
    more = (f"peers: {{listen: \"{v4(me)}\", key_file: {path},\n"
            f"  list: [{{name: {other}, address: \"{v4(other)}\"}}]}}\n") if peers else ""
    one.configure(one.head() + "flow_key: " + "0123456789abcdef" * 4 + "\n" + more
                  + "services:\n" + text(backends))


def start(one, backends, **more):
    """Its agent, from what is pinned or from nothing, until it serves."""
    configure(one, backends, **more)
    one.start_agent()
    settled(one, backends)


def settled(one, backends):
    """Waits until all of them are up and have slots in both services, and no others have."""
    def done():
        for s in one.status()["services"]:
            if {b["id"]: b["state"] for b in s["backends"] if b["slots"]} != dict.fromkeys(backends, "up"):
                return False
        return True
    one.wait_for(done, 8, f"{sorted(backends)} to have slots")


def apply(one, *steps, **more):
    """One change after the other, each of them in force before the next."""
    for backends in steps:
        configure(one, backends, **more)
        one.cli("config", "apply")
        settled(one, backends)


def tables(one):
    """Which backend has each slot, of both services."""
    return [one.owners(1), one.owners(2)]


def epochs(one):
    """How often its services' seats have become others."""
    return [s["seats_epoch"] for s in one.status()["services"]]


def not_clean(one):
    """Slots that are not, of both services."""
    return sum(s["transition"]["moving"] + s["transition"]["pinned"] for s in one.status()["services"])


def generations(one):
    """Tables made live by this agent."""
    return [s["generation"] for s in one.status()["services"]]


def followed(one):
    """How often the log says that it has a peer's seats now."""
    return one.log_tail(1000).count("its seats are those of peer")


def wait_peer(one, what, name):
    """Waits until what(what it says of its peer) holds."""
    def done():
        (p,) = one.status()["peers"]["list"]
        return what(p)
    one.wait_for(done, 10, name)


def wait_equal(pair):
    """Both have heard all, and have the same tables."""
    for one in pair:
        wait_peer(one, lambda p: p["state"] == "up" and p.get("same_config") and not p["other_tables"]["n"]
                  and not p["disputes"] and p["sync"]["lag"] == 0, "both to be equal")
    # What was told is up to a second old.
    pair[0].wait_for(lambda: tables(pair[0]) == tables(pair[1]) and epochs(pair[0]) == epochs(pair[1]), 5,
                     "both to have the same tables and epochs")


@pytest.fixture
def clients(pair):
    """Connections by lb and by lb2; to be opened when both serve."""
    held = [Holder(pair[0], PORT), Holder(pair[0], PORT, vip=VIP4_B)]
    yield held
    for h in held:
        h.close()


def open_all(clients):
    """Half of them by each balancer, to all hosts."""
    for h in clients:
        h.ask(f"open {CONNECTIONS}")
        said = h.ask("talk")
        assert said["broken"] == 0 and set(said["by"]) == {"b1", "b2", "b3"}


def converse(clients, seconds=0.0):
    """All speak again and again; none may break or change hands."""
    until = time.monotonic() + seconds
    while True:
        for h in clients:
            said = h.ask("talk")
            assert said["broken"] == 0 and said["moved"] == 0, said
        if time.monotonic() > until:
            return
        time.sleep(0.3)


def test_second_starts(pair):
    """It starts from nothing after changes on the first: its first table is the right one, and stays."""
    lb, lb2 = pair
    start(lb, ABC)
    apply(lb, *WEAR[:2])
    start(lb2, WEAR[1], peers=False)
    before = tables(lb)
    assert tables(lb2) != before and min(epochs(lb)) > 1
    # With a peer it takes these seats over. No packet has come by: nothing was established there, and nothing moves.
    apply(lb2, WEAR[1])
    wait_equal(pair)
    assert tables(lb) == before and not_clean(lb2) == 0
    lb2.stop_agent()
    lb2.remove_pins()
    start(lb2, WEAR[1])
    assert generations(lb2) == [1, 1] and not_clean(lb2) == 0
    wait_equal(pair)
    assert tables(lb) == before and generations(lb2) == [1, 1] and not_clean(lb2) == 0


def test_silent_peer(pair):
    """Who is not there is not waited for, and seats outlive a kill without it."""
    lb, lb2 = pair
    start(lb, ABC)
    apply(lb, *WEAR[:2])
    start(lb2, WEAR[1])
    wait_equal(pair)
    before = tables(lb2), epochs(lb2)
    lb.stop_agent(signal.SIGKILL)
    lb2.stop_agent(signal.SIGKILL)
    start(lb2, WEAR[1])
    assert (tables(lb2), epochs(lb2)) == before and generations(lb2) == [0, 0]
    # From nothing, and alone: it serves all the same.
    lb2.stop_agent(signal.SIGKILL)
    lb2.remove_pins()
    start(lb2, WEAR[1])
    assert tables(lb2) != before[0]
    start(lb, WEAR[1])
    wait_equal(pair)
    assert tables(lb2) == before[0]


def test_other_order(pair):
    """One adds before it removes, the other the other way round: the second one moves, the first does not."""
    lb, lb2 = pair
    for one in pair:
        start(one, ("b1", "b2"))
    wait_equal(pair)
    apply(lb, ("b1", "b2", "b3"), ("b2", "b3"))
    before = tables(lb)
    apply(lb2, ("b2",))
    apply(lb2, ("b2", "b3"))
    wait_equal(pair)
    # It knew, and went there at once.
    assert tables(lb) == before and followed(lb) == followed(lb2) == 0
    # A change that is new to both, in the same way: nobody follows anybody.
    for one in pair:
        apply(one, ("b2", "b3", "b1-b"))
    wait_equal(pair)
    assert followed(lb) == 0 and followed(lb2) == 0


def test_partition(pair, clients):
    """Changes on both sides of a partition, in other orders: equal when it has healed, and nothing breaks."""
    lb, lb2 = pair
    for one in pair:
        start(one, ABC)
    wait_equal(pair)
    open_all(clients)
    split(pair)
    apply(lb, *WEAR)
    converse(clients)
    apply(lb2, ("b2",), ("b2", "b3-b"), WORN)
    converse(clients)
    before = [tables(one) for one in pair]
    # As many changes on both, so that it is the digest that decides.
    assert before[0] != before[1] and epochs(lb) == epochs(lb2) == [3, 3]
    split(pair, on=False)
    converse(clients, 1)
    wait_equal(pair)
    # One of them has moved, once for each service; the other one has not.
    assert sorted(followed(one) for one in pair) == [0, 2]
    winner = 0 if followed(lb) == 0 else 1
    assert tables(pair[winner]) == before[winner] and epochs(lb) == [3, 3]
    after = [generations(one) for one in pair]

    def still():
        converse(clients)
        return all(s["transition"]["moving"] == 0 for one in pair for s in one.status()["services"])
    lb.wait_for(still, HOLD + 15, "the slots to be pinned")
    converse(clients, 1)
    wait_equal(pair)
    assert [generations(one) for one in pair] == after and sorted(followed(one) for one in pair) == [0, 2]


def test_killed_while_it_follows(pair, clients):
    """kill -9 as soon as the other is heard again: the next one goes on to the same end."""
    lb, lb2 = pair
    for one in pair:
        start(one, ABC)
    wait_equal(pair)
    open_all(clients)
    split(pair)
    apply(lb, *WEAR)
    apply(lb2, WORN)
    before = tables(lb)
    assert tables(lb2) != before and max(epochs(lb2)) < min(epochs(lb))
    split(pair, on=False)
    for delay in (0.05, 0.12):
        time.sleep(delay)
        lb2.stop_agent(signal.SIGKILL)
        converse(clients)
        lb2.start_agent()
    wait_equal(pair)
    assert tables(lb) == before
    converse(clients, 1)
