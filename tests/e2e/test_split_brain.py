# SPDX-License-Identifier: GPL-2.0-or-later
"""A partition between two balancers that clients reach both: two are active, nothing breaks, and it heals."""
import contextlib
import time

import pytest

from lab.holder import Holder
from lab.pair import clients_link
from lab.topology import VIP4
from test_peer_records import (HOLD, HOSTS, PORT, drain, is_complete, link, pair,  # noqa: F401 pylint: disable=unused-import
                               slots, talk)

CLIENTS = ("client", "ka")  # of lb, and of lb2, as long as both are active


@contextlib.contextmanager
def partition(lab):
    """The two balancers' ports of the switch reach all others, and not each other."""
    def isolate(how):
        for host in HOSTS:
            lab.ip("sw", "link", "set", "dev", f"to-{host}", "type", "bridge_slave", "isolated", how)
    isolate("on")
    try:
        yield
    finally:
        isolate("off")


@pytest.fixture
def second(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """Another client with connections of its own."""
    with clients_link(lab, "ka", vips=()):
        lab.ip("ka", "route", "replace", VIP4, "dev", "eth0")
        holder = Holder(lab, PORT, host="ka")
        yield holder
        holder.close()


def mac(lab, host):
    """Of its eth0."""
    return lab.ip(host, "link", "show", "dev", "eth0").split("link/ether ")[1].split()[0]


def packets(balancer):
    """Of the service."""
    return balancer.status()["services"][0]["packets"]


def test_partition_between_balancers(pair, lab, second):  # noqa: F811 pylint: disable=redefined-outer-name
    """Connections of before, and those that each of two active balancers gets, go on by either of them."""
    one, two = pair[:2]
    both = (pair, [*pair[:2], second])

    def all_talk(*before):
        return [talk(its, *before)["b1"] for its in both]
    talk(both[1], "open 60")
    # Slots that have moved: connections of before are where the records say, which both machines have.
    drain(one)
    lab.wait_for(lambda: slots(one)["moving"], 5, "slots to move")
    all_talk()
    time.sleep(1.1)  # they are recorded when they are seen a second after the first time
    all_talk()
    lab.wait_for(lambda: not slots(one)["moving"] and slots(one)["pinned"], HOLD + 5, "the slots to be pinned")
    for balancer in (one, two):
        lab.wait_for(lambda b=balancer: is_complete(b), 10, f"the peer of {balancer.host}")
    before = all_talk()
    assert min(before) > 5
    was = [b.group()["transitions"] for b in (one, two)]
    with partition(lab):
        two.wait_state("active")
        assert one.group()["state"] == "active"
        # Each client goes by another one.
        for client, balancer in zip(CLIENTS, (one, two)):
            lab.ip(client, "neigh", "replace", VIP4, "lladdr", mac(lab, balancer.host), "dev", "eth0", "nud", "permanent")
        seen = [packets(b) for b in (one, two)]
        assert all_talk() == before
        assert all_talk("open 60") == before
        for balancer, n in zip((one, two), seen):
            lab.wait_for(lambda b=balancer, n=n: packets(b) > n + 100, 5, f"packets by {balancer.host}")
        # And the other way about.
        for client, balancer in zip(CLIENTS, (two, one)):
            lab.ip(client, "neigh", "replace", VIP4, "lladdr", mac(lab, balancer.host), "dev", "eth0", "nud", "permanent")
        assert all_talk() == before
        assert (one.group()["state"], two.group()["state"]) == ("active", "active")
        heard = one.group()["adverts_heard"]
        # From here on clients learn who is active as they do on any link.
        for client in CLIENTS:
            lab.ip(client, "neigh", "replace", VIP4, "lladdr", mac(lab, "lb2"), "dev", "eth0", "nud", "stale")
    two.wait_state("backup")
    # Whoever has not learnt it yet goes by the backup, whose table is the same.
    assert all_talk() == before
    # It gave way to the first advert: of its own, three at most came in between.
    assert one.group()["adverts_heard"] - heard <= 3
    assert one.group()["transitions"] == was[0] and one.group()["state"] == "active"
    assert two.group()["transitions"] == was[1] + 2
    lab.wait_for(lambda: not two.has(VIP4), 5, "the address to go")
    for balancer in (one, two):
        lab.wait_for(lambda b=balancer: is_complete(b), 10, f"the peer of {balancer.host}")
    assert all_talk("open 30") == before
