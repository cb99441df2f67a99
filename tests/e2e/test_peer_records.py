# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections on slots that have changed owner on one balancer only find their backends by the other one, too."""
import os
import secrets
import subprocess
import sys
import time

import pytest

from conftest import FAST, service
from lab.explained import explain, flow, open_ports, page
from lab.holder import TALK, Holder
from lab.pair import clients_link, two_balancers
from lab.topology import VIP4, v4

PORT = 7000
HOLD = 4  # seconds
OLD, NEW = 120, 80  # connections
PROBE = FAST.replace("type: tcp", "type: tcp, port: 80")
FLOW_KEY = "0123456789abcdef" * 4
HOSTS = ("lb", "lb2")


@pytest.fixture(scope="module")
def link(network):
    """A second balancer, servers that say who they are; the VIP is on the client's link."""
    with clients_link(network, "lb2"):
        servers = [network.procs.start(f"talk-{b}", [sys.executable, "-B", TALK, "serve", b, str(PORT)],
                                       netns=network.ns(b)) for b in network.backends]
        yield network
        for p in servers:
            network.procs.end(p)


def configure(balancer, priority):
    """VRRP, the other as peer, and one service whose connections are long-lived."""
    (other,) = (h for h in HOSTS if h != balancer.host)
    key = f"{balancer.lab.folder}/peers.key"
    balancer.configure(
        f"flow_key: {FLOW_KEY}\n"
        f"peers: {{listen: {v4(balancer.host)}, key_file: {key}, interval: 50ms,\n"
        f"  list: [{{name: {other}, address: {v4(other)}}}]}}\n"
        "vrrp:\n  - {name: web, interface: eth0, vrid: 51, "
        f"addresses: [{VIP4}], priority: {priority}, interval: 20ms, preempt: false}}\n"
        "services:\n" + service(port=PORT, probe=PROBE, hold=f"{HOLD}s"))


@pytest.fixture
def pair(link, lab):
    """Both run, lb is active; OLD connections through it have spoken."""
    with open(f"{lab.folder}/peers.key", "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    os.chmod(f"{lab.folder}/peers.key", 0o600)
    with two_balancers(lab) as both:
        for balancer, priority, state in zip(both, (150, 100), ("active", "backup")):
            configure(balancer, priority)
            balancer.start()
            balancer.wait_state(state)
        for balancer in both:
            lab.wait_for(lambda b=balancer: is_complete(b), 10, f"the peer of {balancer.host}")
        lab.wait_for(lambda: all(b["state"] == "up" for x in both for b in
                                 x.status()["services"][0]["backends"]), 5, "the backends to be up")
        holder = Holder(lab, PORT)
        both = [*both, holder]
        talk(both, f"open {OLD}")
        yield both
        holder.close()


def records(balancer):
    """What it says of the records that it and its peer tell each other."""
    (peer,) = balancer.status()["peers"]["list"]
    return peer["records"]


def is_complete(balancer):
    """It has all that its peer has told, and has told all."""
    (peer,) = balancer.status()["peers"]["list"]
    r = peer["records"]
    return (peer["state"] == "up" and r["ours"]["complete"] and r["theirs"]["complete"] and r["lag"] == 0
            and r["theirs"]["percent"] == 100)


def talk(pair, *before):
    """Commands, and an exchange on each connection: all are whole, and where they were. Who answered."""
    for command in before:
        pair[2].ask(command)
    said = pair[2].ask("talk")
    assert said["broken"] == 0 and said["moved"] == 0, said
    return said["by"]


def slots(balancer):
    """How the slots of the service move."""
    return balancer.status()["services"][0]["transition"]


def drain(balancer):
    """b1 gets no new connections here, and only here."""
    subprocess.run([f"{balancer.lab.build}/fairlead", "-s", balancer.socket, "drain", "b1"], check=True,
                   stdout=subprocess.DEVNULL)


def open_new(pair):
    """b1 is drained on lb; NEW connections go elsewhere, and old ones are seen in two seconds."""
    drain(pair[0])
    pair[0].lab.wait_for(lambda: slots(pair[0])["moving"], 5, "slots to move")
    had = talk(pair)["b1"]
    assert had > 20
    assert talk(pair, f"open {NEW}")["b1"] == had
    time.sleep(1.1)  # connections of before are recorded when they are seen a second after the first time
    assert talk(pair)["b1"] == had
    return had


def what_peer_does(balancer, *argv):
    """What explain says of the packet at the other one."""
    (peer,) = explain(balancer, *argv)["peers"]
    return peer


def check_explained(lb, lb2, lab):
    """Of a connection that b1 keeps, explain tells that the other has its record; of one without, that the slot decides."""
    kept = next(argv for argv in (flow(p, PORT) for p in open_ports(lab, PORT))
                if [r["backend"] for r in explain(lb, *argv, "--flags", "ack")["records"]] == ["b1"])
    want = {"name": "lb2", "state": "up", "complete": True, "group": "web", "role": "backup", "same_tables": True,
            "difference": None, "backend": "b1", "record": "told"}
    lab.wait_for(lambda: what_peer_does(lb, *kept, "--flags", "ack") == want, 5, "the peer to be known to have it")
    text = page(lb, *kept, "--flags", "ack")
    assert ("\npeer      lb2, backup of VRRP group web: the same backend in each slot of the service; it would send it "
            "to b1, too; it has been told of the record\n") in text
    want |= {"name": "lb", "role": "active", "record": "theirs"}
    lab.wait_for(lambda: what_peer_does(lb2, *kept, "--flags", "ack") == want, 5, "the record to be a peer's")
    moving = next(argv for argv in (flow(p, PORT) for p in range(20000, 20200))
                  if explain(lb, *argv)["slot"]["state"] == "moving")
    new = explain(lb, *moving)
    assert new["peers"][0]["record"] is None and new["peers"][0]["backend"] == new["slot"]["owner"] != "b1"
    # What is not new goes where the slot was before; how the slot moves at the other one is not known.
    old = explain(lb, *moving, "--flags", "ack")
    assert old["backend"]["id"] == "b1" and old["peers"][0]["backend"] is None
    assert "; where it would send it is not known\n" in page(lb, *moving, "--flags", "ack")


def test_pinned_after_restart(pair, lab):
    """The backup starts anew, with nothing, when nothing moves any more; then the active one's host vanishes."""
    lb, lb2 = pair[:2]
    had = open_new(pair)
    check_explained(lb, lb2, lab)
    lab.wait_for(lambda: not slots(lb)["moving"] and slots(lb)["pinned"], HOLD + 5, "the slots to be pinned")
    lb2.remove()
    lb2.start()
    lb2.wait_state("backup")
    lab.wait_for(lambda: is_complete(lb2), 10, "the backup to have all again")
    r = records(lb2)
    assert r["theirs"]["of"] == r["theirs"]["records"] >= 20 and r["taken"] >= 20 and not r["unknown"], r
    lab.wait_for(lambda: slots(lb2)["pinned"] and not slots(lb2)["moving"], 5, "its slots to be pinned")
    lab.cut_cable("lb")
    lb2.wait_state("active")
    assert talk(pair)["b1"] == had
    # What was silent from before until now is as well off, and stays so.
    time.sleep(HOLD / 2)
    assert talk(pair)["b1"] == had


def test_moving(pair, lab):
    """kill -9 of either, while slots move on the first; what was missed in a partition is told when it heals."""
    lb, lb2 = pair[:2]
    lab.ip("lb", "route", "add", "blackhole", v4("lb2"))
    lab.wait_for(lambda: lb2.status()["peers"]["list"][0]["state"] == "silent", 5, "the silence")
    peer = what_peer_does(lb2, *flow(9, PORT))
    assert (peer["state"], peer["complete"], peer["role"], peer["same_tables"], peer["backend"], peer["record"]) == \
        ("silent", False, None, None, None, None), peer
    assert "\npeer      lb, silent: what it would do is not known\n" in page(lb2, *flow(9, PORT))
    had = open_new(pair)
    assert records(lb2)["taken"] == 0
    lab.ip("lb", "route", "del", "blackhole", v4("lb2"))
    lab.wait_for(lambda: is_complete(lb2) and is_complete(lb), 10, "the peers to have all again")
    assert ", records in step" in lb2.table()
    told = records(lb2)["taken"]
    assert told >= 20
    # And now at once.
    talk(pair, f"open {NEW}")
    assert slots(lb)["moving"]
    lab.wait_for(lambda: records(lb2)["taken"] >= told + 10, 2, "the records of what was opened last")
    lb.agent.kill()
    lb2.wait_state("active")
    assert talk(pair)["b1"] == had
    time.sleep(1.1)
    assert talk(pair)["b1"] == had
    # Back: what lb2 has seen meanwhile is told to lb, which has its own records, too.
    lb.agent.wait()
    lb.start()
    lb.wait_state("backup")
    lab.wait_for(lambda: is_complete(lb), 10, "the first one to have all")
    lb2.agent.kill()
    lb.wait_state("active")
    assert talk(pair)["b1"] == had


def test_end(pair, lab):
    """Records that nobody uses any more end on both, and the slots are clean."""
    lb, lb2 = pair[:2]
    open_new(pair)
    lab.wait_for(lambda: slots(lb2)["records"] > 20, 10, "the records to be counted")
    for name in lab.backends:
        pair[2].ask(f"reset {name}")
    lab.wait_for(lambda: slots(lb)["records"] == 0 and slots(lb2)["records"] == 0, 40, "the records to go")
