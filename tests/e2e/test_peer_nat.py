# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections by `nat` and `fullnat` go on at the other balancer: docs/failover.md, NAT."""
import os
import secrets
import signal
import sys

import pytest

from conftest import FAST, SANITIZER, service
from lab.explained import explain, flow, open_ports
from lab.holder import TALK, Holder
from lab.pair import Balancer
from lab.topology import V4, V6, VIP4, VIP6, v4, v6

PORT = 7000  # of the servers
# By two services to one port of a backend: a reply does not tell which one it is of, so each flow has a record.
NAT, NAT_TOO, FULL = 7001, 7002, 7003
GATE = {v4: f"{V4}100", v6: f"{V6}100"}
POOL = {v4: f"{V4}101", v6: f"{V6}101"}
VIPS = {v4: VIP4, v6: VIP6}
KINDS = [(family, port) for family in (v4, v6) for port in (NAT, NAT_TOO, FULL)]
EACH = 8  # connections of a kind
PROBE = FAST.replace("type: tcp", "type: tcp, port: 80")
FLOW_KEY = "0123456789abcdef" * 4
HOSTS = ("lb", "lb2")
FORWARDING = {"ipv4__ip_forward": 1, "ipv6__conf__all__forwarding": 1, "ipv4__conf__all__send_redirects": 0,
              "ipv4__conf__eth0__send_redirects": 0, "ipv4__conf__all__rp_filter": 0,
              "ipv4__conf__eth0__rp_filter": 0}


@pytest.fixture(scope="module", name="link")
def two_routers(network):
    """A second balancer; both forward, and the backends' way back is an address of the group."""
    network.add_host("lb2")
    for host in HOSTS:
        network.sysctl(host, **FORWARDING)
    network.ip("client", "route", "replace", VIP4, "dev", "eth0")
    network.ip("client", "-6", "route", "replace", VIP6, "dev", "eth0")
    for b in network.backends:
        network.ip(b, "route", "replace", f"{v4('client')}/32", "via", GATE[v4])
        network.ip(b, "-6", "route", "replace", f"{v6('client')}/128", "via", GATE[v6])
    network.servers = [network.procs.start(f"talk-{b}", [sys.executable, "-B", TALK, "serve", b, str(PORT)],
                                           netns=network.ns(b)) for b in network.backends]
    yield network
    for p in network.servers:
        network.procs.end(p)
    for b in network.backends:
        network.route_back(b, on=False)
    network.ip("client", "route", "replace", VIP4, "via", v4("lb"))
    network.ip("client", "-6", "route", "replace", VIP6, "via", v6("lb"))
    network.sysctl("lb", ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)
    network.remove_host("lb2")


def configure(balancer, priority, others=None, ports="20000-23999"):
    """Two VRRP groups that go together, with the VIPs, the gateways and the pool; the other balancer as peer."""
    others = others if others is not None else [h for h in HOSTS if h != balancer.host]
    peers = ", ".join(f"{{name: {h}, address: {v4(h)}}}" for h in others)
    text = (f"flow_key: {FLOW_KEY}\n"
            f"peers: {{listen: {v4(balancer.host)}, key_file: {balancer.lab.folder}/peers.key, interval: 50ms,\n"
            f"  list: [{peers}]}}\n"
            f"snat: {{source4: [\"{POOL[v4]}\"], source6: [\"{POOL[v6]}\"], ports: {ports}}}\nvrrp:\n")
    for name, vrid, family in (("web", 51, v4), ("web6", 52, v6)):
        text += (f"  - {{name: {name}, interface: eth0, vrid: {vrid}, priority: {priority}, interval: 20ms, "
                 f"preempt: false, sync: both,\n"
                 f"     addresses: [\"{VIPS[family]}\", \"{GATE[family]}\", \"{POOL[family]}\"]}}\n")
    text += "services:\n"
    for family, port in KINDS:
        text += service(name=f"s{port}-{family.__name__}", vip=VIPS[family], port=port, probe=PROBE,
                        forward="fullnat" if port == FULL else "nat",
                        backends=[(b, family(b), 100, PORT) for b in balancer.lab.backends])
    balancer.configure(text)


class Pair:
    """Two balancers, and connections of each kind."""

    def __init__(self, lab):
        self.lab = lab
        self.both = [Balancer(lab, host) for host in HOSTS]
        self.holders = []

    def open(self, n=EACH):
        """n more connections of each kind, which have spoken."""
        if not self.holders:
            self.holders = [Holder(self.lab, port, vip=VIPS[family]) for family, port in KINDS]
        for h in self.holders:
            h.ask(f"open {n}")
        self.all_go_on("talk", "talk")

    def all_go_on(self, *commands):
        """None is broken, and none has another backend."""
        for command in commands:
            if command == "hear":
                for server in self.lab.servers:
                    server.send_signal(signal.SIGUSR1)
            for kind, h in zip(KINDS, self.holders):
                said = h.ask(command)
                assert said["broken"] == 0 and said["moved"] == 0, (command, kind[0].__name__, kind[1], said)

    def wait_told(self, to, n):
        """Until it has taken n flows and is in step."""
        self.lab.wait_for(lambda: records(to)["taken"] >= n, 5, f"{to.host} to have {n} flows")

    def wait_step(self):
        """Until both have all that the other has."""
        for b in self.both:
            self.lab.wait_for(lambda b=b: is_complete(b), 10, f"{b.host} to be in step")


def wait_active(balancer):
    """Both groups."""
    for name in ("web", "web6"):
        balancer.wait_state("active", name)


def the_peer(balancer):
    """What it says of its peer."""
    (peer,) = balancer.status()["peers"]["list"]
    return peer


def records(balancer):
    """And of the records that they tell each other."""
    return the_peer(balancer)["records"]


def is_complete(balancer):
    """It has all, and has told all."""
    peer = the_peer(balancer)
    r = peer["records"]
    return peer["state"] == "up" and r["ours"]["complete"] and r["theirs"]["complete"] and r["lag"] == 0


@pytest.fixture(name="pair")
def running_pair(link, lab):  # pylint: disable=unused-argument
    """Both run, lb is active, all backends are up."""
    pair = Pair(lab)
    lab.servers = link.servers
    with open(f"{lab.folder}/peers.key", "w", encoding="ascii") as f:
        f.write(secrets.token_hex(32) + "\n")
    os.chmod(f"{lab.folder}/peers.key", 0o600)
    for balancer, priority in zip(pair.both, (150, 100)):
        open(balancer.log, "w", encoding="utf-8").close()
        configure(balancer, priority)
        balancer.start()
        if priority == 150:
            wait_active(balancer)
    for balancer in pair.both:
        lab.wait_for(lambda b=balancer: all(m["state"] == "up" for s in b.status()["services"]
                                            for m in s["backends"]), 10, "the backends to be up")
    pair.wait_step()
    yield pair
    for h in pair.holders:
        h.close()
    for balancer in pair.both:
        balancer.remove()
        lab.mend_cable(balancer.host)
        assert not SANITIZER.search(balancer.log_text()), balancer.log_text()[-3000:]
        for family in (v4, v6):
            for a in (VIPS[family], GATE[family], POOL[family]):
                lab.ip(balancer.host, "addr", "del", f"{a}/{32 if family is v4 else 128}", "dev", "eth0",
                       check=False)
    lab.forget_neighbours()


def what_peer_does(balancer, argv):
    """Whether the other one has what is on record of a packet's flow, and sends it where this one does."""
    e = explain(balancer, *argv)
    (peer,) = e["peers"]
    assert peer["backend"] == e["backend"]["id"] or peer["record"] == "under way" or not peer["same_tables"], peer
    return peer["record"]


def test_takeover_and_back(pair, lab):
    """kill -9 and the cable cut; the servers speak first. The first one comes back, and is needed again."""
    lb, lb2 = pair.both
    assert the_peer(lb)["pool"] == the_peer(lb2)["pool"] == "shared"
    pair.open()
    pair.wait_told(lb2, EACH * len(KINDS))
    for family, port in KINDS:
        argv = [*flow(open_ports(lab, port, VIPS[family])[0], port, VIPS[family]), "--flags", "ack"]
        lab.wait_for(lambda a=argv: what_peer_does(lb, a) == "told", 5, "the peer to be known to have it")
        lab.wait_for(lambda a=argv: what_peer_does(lb2, a) == "theirs", 5, "the flow to be a peer's")
        # Of one that nobody has, the slot decides.
        assert what_peer_does(lb, flow(9, port, VIPS[family])) is None
    lb.agent.kill()
    lab.cut_cable("lb")
    wait_active(lb2)
    pair.all_go_on("hear", "talk")
    # New ones get sources that no flow of the other one has.
    pair.open()
    lb.agent.wait()
    lab.mend_cable("lb")
    lb.start()
    lab.wait_for(lambda: lb.group()["state"] == "backup", 10, "lb to be backup")
    pair.wait_step()
    pair.all_go_on("talk")
    lb2.agent.kill()
    lab.cut_cable("lb2")
    wait_active(lb)
    pair.all_go_on("hear", "talk")


def test_partition_and_restart(pair, lab):
    """What was missed in a partition is told when it heals, and all of it to one that has lost everything."""
    lb, lb2 = pair.both
    lab.ip("lb", "route", "add", "blackhole", v4("lb2"))
    lab.wait_for(lambda: the_peer(lb2)["state"] == "silent", 5, "the silence")
    pair.open()
    assert records(lb2)["taken"] == 0
    # It is heard, and hears nothing.
    argv = [*flow(open_ports(lab, FULL, VIPS[v4])[0], FULL, VIPS[v4]), "--flags", "ack"]
    assert what_peer_does(lb, argv) == "under way"
    lab.ip("lb", "route", "del", "blackhole", v4("lb2"))
    pair.wait_step()
    pair.wait_told(lb2, EACH * len(KINDS))
    lb2.remove()
    lb2.start()
    lab.wait_for(lambda: lb2.group()["state"] == "backup", 10, "lb2 to be backup")
    pair.wait_step()
    r = records(lb2)
    assert r["taken"] >= EACH * len(KINDS) and r["theirs"]["of"] >= EACH * len(KINDS), r
    assert not r["unknown"] and not r["clashes"] and not r["full"], r
    lb.agent.kill()
    lab.cut_cable("lb")
    wait_active(lb2)
    pair.all_go_on("hear", "talk")


def test_overlap_is_told(pair, lab):
    """One whose ports are cut otherwise is warned of, loudly, on both sides, until it is mended."""
    lb, lb2 = pair.both
    configure(lb2, 100, ports="16000-23999")
    lb2.reload()
    lab.wait_for(lambda: the_peer(lb)["pool"] == "overlap" and the_peer(lb2)["pool"] == "overlap", 5, "the overlap")
    assert "same addresses and ports" in lb.table() and "same addresses and ports" in lb2.table()
    lab.wait_for(lambda: "two connections may get one source" in lb.log_text(), 5, "the log")
    configure(lb2, 100)
    lb2.reload()
    lab.wait_for(lambda: the_peer(lb)["pool"] == "shared", 5, "it to be mended")
    assert "same addresses and ports" not in lb.table()
