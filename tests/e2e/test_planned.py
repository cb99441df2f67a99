# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead failover`: no datagram is lost, and nothing is taken back before it is time; with peers, and without."""
import json
import os
import secrets
import subprocess
import time

import pytest

from conftest import service
from lab.lab import PATIENCE
from lab.pair import Stream, clients_link, two_balancers
from lab.topology import VIP4, v4
from test_openapi import check_printed

KEY = "00112233445566778899aabbccddeeff" * 2
PORT = 9999
PROBE = "{type: icmp, interval: 1s, fast_interval: 50ms, timeout: 500ms, rise: 1, fall: 3}"
HOSTS = ("lb", "lb2")


@pytest.fixture(scope="module")
def link(network):
    """A second balancer; the VIP is on the client's link, and backends send back what comes."""
    with clients_link(network, "lb2"):
        servers = [Stream.serve(network, b, VIP4, PORT) for b in network.backends]
        yield network
        for s in servers:
            network.procs.end(s)


@pytest.fixture
def pair(link, lab):
    """Two balancers, not started."""
    with two_balancers(lab) as both:
        yield both


def configure(balancer, priority, interval=100, peers=True, weight=100, patience="100ms", **more):
    """Its file: the group, a service of datagrams, and the other one as its peer."""
    other = HOSTS[1 - HOSTS.index(balancer.host)]
    keys = "".join(f", {k}: {v}" for k, v in more.items())
    text = (f"vrrp:\n  - {{name: echo, interface: eth0, vrid: 51, addresses: [{VIP4}], priority: {priority}, "
            f"interval: {interval}ms{keys}}}\n"
            "services:\n" + service("echo", protocol="udp", port=PORT, probe=PROBE,
                                    backends=[(b, v4(b), weight) for b in balancer.lab.backends]))
    if peers:
        text += (f"peers: {{listen: {v4(balancer.host)}, key_file: {balancer.folder}/peers.key, "
                 f"interval: {patience}, list: [{{name: {other}, address: {v4(other)}}}]}}\n")
    balancer.configure(text, flow_key=KEY)


def start(pair, **more):
    """Both, the first one with the higher priority; it is active, and the other one knows."""
    secret = secrets.token_hex(32)
    for balancer, priority in zip(pair, (150, 100)):
        with open(f"{balancer.folder}/peers.key", "w", encoding="ascii") as f:
            f.write(f"{secret}\n")
        os.chmod(f"{balancer.folder}/peers.key", 0o600)
        configure(balancer, priority, **more)
    pair[0].start()
    pair[0].wait_state("active", "echo")
    pair[1].start()
    pair[1].lab.wait_for(lambda: pair[1].group("echo")["active"] == v4("lb"), 10, "the backup to hear the active")
    pair[1].lab.wait_for(lambda: pair[1].group("echo")["waits_for"] == "", 10, "the peers to know each other")


def failover(balancer, *options):
    """`fairlead failover` there."""
    return subprocess.run([f"{balancer.lab.build}/fairlead", "-s", balancer.socket, "failover", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


def lost(lab, stream, since):
    """How many datagrams nobody has answered since then; at least so many were sent as time has passed."""
    until = time.monotonic_ns() - 200_000_000
    sent, n, _, _ = stream.look(since, until, "00:00:00:00:00:00")
    assert sent > 0.5 * (until - since) / 1e6, sent
    return n


@pytest.fixture
def stream(pair, lab):
    """Begins with the first answers."""
    streams = []

    def begin():
        s = Stream(lab, VIP4, PORT)
        streams.append(s)

        def is_quiet():
            until = time.monotonic_ns() - 50_000_000
            sent, n, _, _ = s.look(until - 200_000_000, until, "00:00:00:00:00:00")
            return sent > 50 and not n
        lab.wait_for(is_quiet, 10, "a stream without a loss")
        return s
    yield begin
    for s in streams:
        s.end()


@pytest.mark.parametrize("interval, peers", [(10, False), (100, True), (500, True)])
def test_nothing_is_lost(pair, lab, stream, interval, peers):
    """There, and back again by --undo: every datagram is answered."""
    one, two = pair
    start(pair, interval=interval, peers=peers)
    s = stream()
    since = time.monotonic_ns()
    r = failover(one, *(["--to", "lb2"] if peers else []))
    assert r.returncode == 0 and r.stdout == "VRRP group echo is active on 10.77.0.3, priority 100\n", r
    # When the command returns it is done.
    assert two.group("echo")["state"] == "active"
    assert one.group("echo")["why"] == "handed over on request"
    lab.wait_for(lambda: two.has(VIP4) and not one.has(VIP4), 2, "the address to move")
    # Its priority is higher, and its timer would be over by now.
    time.sleep(4.5 * interval / 1000)
    state = one.group("echo")
    assert state["state"] == "backup" and state["handed_over"] and state["priority"] == 150
    assert "handed over on request; does not preempt (`fairlead failover --undo` ends that)" in one.table()
    assert lost(lab, s, since) == 0
    since = time.monotonic_ns()
    r = failover(one, "--undo", "--json")
    assert r.returncode == 0 and json.loads(r.stdout) == {"groups": 1}
    one.wait_state("active", "echo")
    two.wait_state("backup", "echo")
    time.sleep(0.5)
    assert lost(lab, s, since) == 0
    assert failover(one, "--undo").stdout == "no VRRP group was handed over\n"


def test_nobody_there(pair, lab, stream):
    """Without anybody who takes over the command fails, and the balancer goes on; no datagram is lost."""
    one = pair[0]
    configure(one, 150, peers=False)
    one.start()
    one.wait_state("active", "echo")
    s = stream()
    since = time.monotonic_ns()
    r = failover(one)
    assert r.returncode == 1 and "nobody has taken over VRRP group 'echo'" in r.stderr, r
    state = one.group("echo")
    assert state["state"] == "active" and not state["handed_over"] and state["transitions"] == 1
    assert one.has(VIP4)
    time.sleep(0.3)
    assert lost(lab, s, since) == 0
    # Nor can it be asked of a peer that is not in the file.
    r = failover(one, "--to", "lb2")
    assert r.returncode == 1 and "there is no peer 'lb2' in peers.list" in r.stderr, r


def test_peer_is_not_ready(pair, lab):
    """A peer that is silent, or has other tables, is not handed over to: nothing is asked of the link."""
    one, two = pair
    start(pair)
    r = failover(two)
    assert r.returncode == 1 and "no VRRP group is active here" in r.stderr, r
    assert failover(one, "--to", "lb3").stderr.startswith("fairlead failover: there is no peer 'lb3'")
    configure(two, 100, weight=50)
    two.reload()
    r = failover(one)
    assert r.returncode == 1 and "peer lb2 has another configuration: service 'echo': backends" in r.stderr, r
    two.stop()
    lab.wait_for(lambda: one.status()["peers"]["list"][0]["state"] == "silent", 5, "the peer to be missed")
    r = failover(one, "--to", "lb2")
    assert r.returncode == 1 and "peer lb2 is not backup of VRRP group 'echo'" in r.stderr, r
    r = failover(one)
    assert r.returncode == 1 and "no peer is backup of VRRP group 'echo'" in r.stderr, r
    assert one.group("echo")["transitions"] == 1
    configure(one, 255)
    one.reload()
    r = failover(one, "--json")
    assert r.returncode == 1 and "owns its addresses (priority 255)" in r.stderr, r


def test_silence_ends_it(pair, lab):
    """Who has handed over takes over all the same from one that dies, and preempts again afterwards."""
    one, two = pair
    start(pair)
    r = failover(one, "--json")
    assert r.returncode == 0
    check_printed("failover", r.stdout)
    two.agent.kill()
    assert one.wait_state("active", "echo")["why"] == "no advert came from the active router"
    assert not one.group("echo")["handed_over"]
    two.agent.wait()


def test_back_on_the_link(pair, lab, stream):
    """An interface that comes back: no preemption before the backends are known to be well again."""
    one, two = pair
    start(pair, interval=10)
    s = stream()
    lab.cut_cable("lb")
    two.wait_state("active", "echo")
    lab.wait_for(lambda: {b["state"] for b in one.status()["services"][0]["backends"]} == {"down"}, 20,
                 "the probes to fail")
    since = time.monotonic_ns()
    lab.mend_cable("lb")
    state = one.wait_state("backup", "echo")
    assert state["waits_for"] == "its backends are probed again, since its interface was down"
    assert "does not preempt yet: its backends are probed again" in one.table()
    one.wait_state("active", "echo", 20)
    # What it waits for is looked at once a second; the real-time thread does not wait for that.
    lab.wait_for(lambda: one.group("echo")["waits_for"] == "", 3, "it to wait for nothing")
    assert {b["state"] for b in one.status()["services"][0]["backends"]} == {"up"}
    time.sleep(0.5)
    assert lost(lab, s, since) == 0


def test_waits_for_peers(pair, lab):
    """A balancer that has been started again waits for what its peers have to tell; not for one that is silent."""
    one, two = pair
    start(pair, interval=10, patience="1500ms")
    one.stop()
    two.wait_state("active", "echo")
    # There is no way to the peer: it may have something to tell, until it has been silent for 5.25 s.
    lab.ip("lb", "route", "add", "blackhole", v4("lb2"))
    try:
        one.start()
        state = one.wait_state("backup", "echo")
        began = time.monotonic()
        assert state["waits_for"] == "its peers have not told it all yet"
        one.wait_state("active", "echo")
        assert time.monotonic() - began > 2.5
        one.stop()
        two.wait_state("active", "echo")
    finally:
        lab.ip("lb", "route", "del", "blackhole", v4("lb2"))
    # With a way it has been told all in no time.
    for balancer, priority in zip(pair, (150, 100)):
        configure(balancer, priority, interval=10)
    two.reload()

    def is_prompt():
        """On a busy machine the start alone may take as long, but not each time."""
        began = time.monotonic()
        one.start()
        one.wait_state("active", "echo")
        if time.monotonic() - began < 2.5 * PATIENCE:
            return True
        one.stop()
        two.wait_state("active", "echo")
        return False
    assert any(is_prompt() for _ in range(3))
