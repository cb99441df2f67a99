# SPDX-License-Identifier: GPL-2.0-or-later
"""What a balancer answers for: frames to its own MAC addresses, and a group's VIP as long as its tables are fresh."""
import collections
import os
import re
import signal
import sys
import time

import pytest

from conftest import ROOT, service
from lab.lab import PATIENCE
from lab.pair import clients_link, two_balancers
from lab.topology import VIP4, run, v4

KEY = "00112233445566778899aabbccddeeff" * 2
SYNS = f"{ROOT}/tests/lab/syns.py"
LEASE_MS = int(400 * PATIENCE)
# What stands still is seen by nobody before this is over, and a group is active again sooner.
PROBE = ("{type: http, path: /health, interval: 1s, fast_interval: 200ms, "
         f"timeout: {int(600 * PATIENCE)}ms, rise: 1, fall: 2}}")
GROUP = ("vrrp:\n  - {{name: web, interface: eth0, vrid: 51, addresses: [{vip}], "
         "priority: {priority}, interval: 20ms}}\n")


class Ears:
    """Who was reached by which SYNs, by source port."""

    def __init__(self, lab):
        self.lab, self.next = lab, 10000
        self.logs = {b: f"{lab.folder}/{b}-syns" for b in lab.backends}
        self.processes = []
        for b, log in self.logs.items():
            open(log, "w", encoding="ascii").close()
            self.processes.append(lab.procs.start(f"hear-{b}", [sys.executable, SYNS, "hear", VIP4, "80"],
                                                  netns=lab.ns(b), log=log))
        lab.wait_for(lambda: all("ready" in self.text(b) for b in self.logs), 10, "the backends to listen")

    def close(self):
        """Nobody listens any more; the next module's would write into the same files."""
        for p in self.processes:
            self.lab.procs.end(p)

    def text(self, backend):
        """What one has heard."""
        with open(self.logs[backend], encoding="ascii") as f:
            return f.read()

    def begin(self, mac, count=60, rate=1000):
        """Starts sending to that MAC; returns the process and the source ports."""
        ports = range(self.next, self.next + count)
        self.next += count
        return self.lab.procs.start("syns", [sys.executable, SYNS, "send", VIP4, "80", mac, str(ports.start),
                                             str(count), str(rate)], netns=self.lab.ns("client")), ports

    def copies(self, ports):
        """Of each SYN, all backends together."""
        return collections.Counter(int(p) for b in self.logs for p in self.text(b).split()[1:] if int(p) in ports)

    def who(self, ports):
        """Which backends were reached by any of them."""
        return {b for b in self.logs if any(int(p) in ports for p in self.text(b).split()[1:])}

    def send(self, mac, **more):
        """Sends them all; returns their ports once they can have arrived."""
        process, ports = self.begin(mac, **more)
        assert process.wait(20 * PATIENCE) == 0
        time.sleep(0.1 * PATIENCE)
        return ports


@pytest.fixture(scope="module")
def ears(network):
    """A second balancer on the clients' link, and who listens."""
    with clients_link(network, "lb2"):
        listening = Ears(network)
        yield listening
        listening.close()


@pytest.fixture
def pair(request, ears, lab):
    """Two balancers with one group; the first one is active. The parameter: on_agent_loss."""
    with two_balancers(lab) as both:
        for b, priority in zip(both, (150, 100)):
            b.configure(GROUP.format(vip=VIP4, priority=priority) + "services:\n" + service(probe=PROBE),
                        flow_key=KEY, lease=f"{LEASE_MS}ms", on_agent_loss=getattr(request, "param", "keep"))
            b.start()
        both[0].wait_state("active")
        both[1].wait_state("backup")
        lab.wait_for(lambda: all(serves(b) == 3 for b in both), 10, "both to have all backends")
        yield both


def serves(balancer):
    """How many backends take flows there."""
    (s,) = balancer.status()["services"]
    return sum(b["slots"] > 0 for b in s["backends"])


def counted(balancer, verdict):
    """Packets that had this verdict."""
    return sum(v["packets"] for v in balancer.status()["verdicts"] if v["name"] == verdict)


def mac(lab, host):
    """eth0's address."""
    return re.search(r"link/ether (\S+)", lab.ip(host, "link", "show", "eth0")).group(1)


def port_of(lab, verb, address):
    """The switch learns, or forgets, that the address is the balancer's."""
    run("nsenter", f"--net=/run/netns/{lab.ns('sw')}", "bridge", "fdb", verb, address, "dev", "to-lb", "master",
        "static", check=verb != "del")


def test_flooded_frames(pair, ears, lab):
    """A switch that has forgotten where everybody is sends all to all: each packet reaches one backend, once."""
    try:
        lab.ip("sw", "link", "set", "br0", "type", "bridge", "ageing_time", "0")
        for host in ("lb", "lb2"):
            ports = ears.send(mac(lab, host))
            assert ears.copies(ports) == dict.fromkeys(ports, 1), host
        assert counted(pair[1], "pass_other_host") >= 60
    finally:
        lab.ip("sw", "link", "set", "br0", "type", "bridge", "ageing_time", "30000")


def test_mac_changes(pair, ears, lab):
    """The interface gets another address, and a macvlan comes and goes: the program knows."""
    one, before = pair[0], mac(lab, "lb")
    other, third = "02:aa:00:00:00:01", "02:aa:00:00:00:02"

    def reached(to):
        return ears.who(ears.send(to, count=12))

    try:
        # The switch is told by what the balancer sends; until then it floods.
        lab.ip("lb", "link", "set", "eth0", "address", other)
        lab.wait_for(lambda: reached(other), 5, "the new address to be known")
        for address in (before, third):
            port_of(lab, "replace", address)
        assert not reached(before) and not reached(third)
        lab.ip("lb", "link", "add", "mv0", "link", "eth0", "address", third, "type", "macvlan", "mode", "private")
        lab.wait_for(lambda: reached(third), 5, "the macvlan's address to be known")
        assert reached(other)
        lab.ip("lb", "link", "del", "mv0")
        lab.wait_for(lambda: not reached(third), 5, "the macvlan's address to be forgotten")
        assert "interface eth0 is" not in one.log_text().split("attached to eth0")[1]
    finally:
        lab.ip("lb", "link", "del", "mv0", check=False)
        lab.ip("lb", "link", "set", "eth0", "address", before)
        for address in (before, third):
            port_of(lab, "del", address)


@pytest.fixture
def frozen(lab):
    """Takes the name of a backend whose server, all of its processes, stands still until the test is over."""
    groups = []

    def freeze(backend):
        groups.append(lab.nginx[backend].pid)
        os.killpg(groups[-1], signal.SIGSTOP)
    yield freeze
    for group in groups:
        os.killpg(group, signal.SIGCONT)


@pytest.mark.parametrize("pair", ["drop"], indirect=True)
def test_woken_up(pair, ears, lab, frozen):
    """SIGSTOP, and the peer loses a backend: nothing goes there by the old table, neither before nor after SIGCONT."""
    one, two = pair
    to_one = mac(lab, "lb")
    assert ears.who(ears.send(to_one)) == {"b1", "b2", "b3"}
    one.agent.send_signal(signal.SIGSTOP)
    two.wait_state("active")
    # Equal tables: until its lease lapses it steers what still comes.
    lab.wait_for(lambda: not ears.who(ears.send(to_one, count=12)), 10, "the lease to lapse")
    frozen("b3")
    lab.wait_for(lambda: serves(two) == 2, 10, "the peer to see it")
    assert not ears.who(ears.send(to_one))
    assert ears.who(ears.send(mac(lab, "lb2"))) == {"b1", "b2"}
    # What comes while it wakes up, and until it has caught up.
    process, ports = ears.begin(to_one, count=15000, rate=1500)
    lab.wait_for(lambda: process.poll() is None, 1, "the sender")
    one.agent.send_signal(signal.SIGCONT)
    lab.wait_for(lambda: ears.who(ports), 10, "it to steer again")
    one.wait_state("active")
    lab.procs.end(process)
    assert ears.who(ports) == {"b1", "b2"}
    assert serves(one) == 2
    assert counted(one, "drop_stale") > 0
    assert two.group()["state"] == "backup"


def test_stopped(pair, ears, lab):
    """It has taken its leave: what still comes is steered by the tables that it left, as on_agent_loss has it."""
    assert pair[0].stop() == 0
    pair[1].wait_state("active")
    time.sleep(2 * LEASE_MS / 1000)
    assert ears.who(ears.send(mac(lab, "lb"))) == {"b1", "b2", "b3"}


def test_both_killed(pair, ears, lab):
    """With `keep`, traffic goes on when no agent is left, past any lease; and the next one goes on with it."""
    for b in pair:
        b.stop(signal.SIGKILL)
    time.sleep(2 * LEASE_MS / 1000)
    assert ears.who(ears.send(mac(lab, "lb"))) == {"b1", "b2", "b3"}
    pair[0].start()
    pair[0].wait_state("active")
    assert ears.who(ears.send(mac(lab, "lb"))) == {"b1", "b2", "b3"}
    assert counted(pair[0], "drop_stale") == 0
