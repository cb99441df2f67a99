# SPDX-License-Identifier: GPL-2.0-or-later
"""VRRP groups that are active together, and what a reload changes of them."""
import re

from conftest import service
from lab.pair import addresses_watched
from lab.topology import VIP4, VIP6, v4
from test_vrrp import KEY, group, groups, link, pair  # noqa: F401 pylint: disable=unused-import


def edge(priority, web6="", vrid6=51):
    """A group of each family, in one sync group; web6: keys of the second one."""
    return groups(group(priority, sync="edge"), group(priority, (VIP6,), name="web6", vrid=vrid6, sync="edge", **(web6 or {})))


def wait_both(balancer, state):
    """Until both groups are in that state; returns them."""
    return [balancer.wait_state(state, name) for name in ("web", "web6")]


def test_priorities(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """What costs one of them costs all: both go, once, and come back."""
    one, two = pair
    lab.ip("lb", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    try:
        for name in ("up0", "up1"):
            lab.ip("lb", "link", "set", name, "up")
        one.configure(edge(150, {"track": "{interfaces: [up0], interface_cost: 90}"}), flow_key=KEY)
        two.configure(edge(100), flow_key=KEY)
        one.start()
        wait_both(one, "active")
        two.start()
        wait_both(two, "backup")
        for name in ("web", "web6"):
            lab.wait_for(lambda name=name: two.group(name)["active"], 5, "the backup to hear the active")
        lab.ip("lb", "link", "set", "up1", "down")
        web, web6 = wait_both(two, "active")
        assert web["why"] == web6["why"] == "the active router's priority is lower"
        web, web6 = wait_both(one, "backup")
        assert web["priority"] == web6["priority"] == 60
        assert web["costs"] == [{"what": "group 'web6' of its sync group has priority 60", "cost": 90}]
        assert web6["costs"] == [{"what": "interface up0 is down", "cost": 90}]
        # As long as it took them to drag each other to and fro a hundred times.
        lab.wait_for(lambda: two.group()["adverts_sent"] > 100, 10, "adverts")
        assert [two.group(name)["transitions"] for name in ("web", "web6")] == [1, 1]
        assert [(t["from"], t["to"]) for t in two.group()["last_transitions"]] == \
            [("backup", "active"), ("initialize", "backup")]
        assert two.group()["last_transitions"][0]["at"] == two.group()["since"]
        assert re.search(r"VRRP group web .*: active, .*\n  \d+s ago: backup -> active: the active router's priority is lower\n"
                         r"  \d+s ago: initialize -> backup: just started\n", two.table()), two.table()
        lab.ip("lb", "link", "set", "up1", "up")
        wait_both(one, "active")
        wait_both(two, "backup")
    finally:
        lab.ip("lb", "link", "del", "up0")


def test_reloads(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """A group that is added to an active one, or becomes another router, joins it; the others do not notice."""
    one = pair[0]
    one.configure(groups(group(100, sync="edge")), flow_key=KEY)
    one.start()
    before = one.wait_state("active")
    with addresses_watched(lab, "lb") as said:
        one.configure(edge(100), flow_key=KEY)
        one.reload()
        assert one.wait_state("active", "web6")["why"] == "another group of its sync group did"
        one.configure(edge(100, vrid6=52), flow_key=KEY)
        one.reload()
        web6 = one.wait_state("active", "web6")
        assert web6["vrid"] == 52 and web6["waits_for"] == ""
        # Through both of them.
        assert [t["to"] for t in web6["last_transitions"]] == ["active", "initialize", "active"]
        lab.wait_for(lambda: one.has(VIP6), 3, "the address")
    after = one.group()
    assert after["state"] == "active" and after["transitions"] == before["transitions"] == 1
    assert not [s for s in said if "Deleted" in s and f" {VIP4}/" in s], said
    # The order of the file is no part of a group.
    one.configure(groups(group(100, (VIP6,), name="web6", vrid=52, sync="edge"), group(100, sync="edge")), flow_key=KEY)
    one.reload()
    assert [g["name"] for g in one.status()["vrrp"]["groups"]] == ["web6", "web"]
    assert one.group()["last_transitions"] == after["last_transitions"]
    assert one.group("web6")["transitions"] == web6["transitions"]


def test_added_unprobed(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """A group that a reload adds to an agent that has run for long does not preempt before its backends are probed."""
    one, two = pair
    two.configure(groups(group(100)), flow_key=KEY)
    two.start()
    two.wait_state("active")
    # The first probe of the second one fails after 5 s.
    slow = service(backends=[("b1", v4("b1"), 100), ("gone", "10.77.0.99", 100)],
                   probe="{type: tcp, interval: 6s, timeout: 5s, fall: 3}")
    web6, other = group(100, (VIP6,), name="web6"), "services:\n" + service("other", "192.0.2.77")
    one.configure("vrrp:\n" + web6 + other, flow_key=KEY)
    one.start()
    one.wait_state("active", "web6")
    one.configure("vrrp:\n" + group(150) + web6 + other + slow, flow_key=KEY)
    one.reload()
    state = one.group()
    assert (state["state"], state["fault"]) == ("initialize", "its backends are being probed for the first time"), state
    assert two.group()["state"] == one.group("web6")["state"] == "active"
    one.wait_state("active", patience=25)
    assert not [b for b in one.status()["services"][1]["backends"] if b["probe"]["at"] is None], one.status()["services"]
    two.wait_state("backup")
    assert one.group("web6")["transitions"] == 1


def test_two_owners(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """Two configurations say 255: the higher address goes on, and both say what is wrong."""
    one, two = pair
    # The lower address comes last: its first advert is heard before it knows that it is to yield.
    for balancer in (two, one):
        balancer.configure(groups(group(255)), flow_key=KEY)
        balancer.start()
    two.wait_state("active")
    assert one.wait_state("backup")["why"].startswith("another router owns the addresses as well")
    for balancer, other in ((one, "lb2"), (two, "lb")):
        lab.wait_for(lambda balancer=balancer, other=other: balancer.group()["other_owner"] == v4(other), 3, "the other one")
        assert f"VRRP group 'web': {v4(other)} says that it owns the addresses" in balancer.log_text()
        assert balancer.log_text().count("says that it owns") == 1
    assert f"warning: VRRP group web: another router owns the addresses as well (priority 255): {v4('lb2')}" in one.table()
