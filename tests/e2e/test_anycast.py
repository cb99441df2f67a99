# SPDX-License-Identifier: GPL-2.0-or-later
"""Anycast: VIPs that have a route while they are served, announced by BIRD and FRR to a router with ECMP."""
import errno
import json
import os
import signal
import time

import pytest

from conftest import service, url_of
from lab.anycast import Anycast
from lab.freeze import frozen_thread
from lab.holder import Holder
from lab.lab import PATIENCE, Lab
from lab.topology import VIP4, VIP4_B, VIP6, v4, v6
from test_transitions import PORT, PROBE, servers  # noqa: F401 pylint: disable=unused-import

KEY = "flow_key: " + "00112233445566778899aabbccddeeff" * 2 + "\n"
BACKENDS6 = [(b, v6(b), 100) for b in ("b1", "b2", "b3")]


def announced(**more):
    """The usual service over IPv4 and IPv6, announced."""
    return (service(announce="route", **more)
            + service(name="web6", vip=VIP6, announce="route", backends=BACKENDS6, **more))


def start(balancer, services, top=""):
    """An agent on a balancer, its services up."""
    balancer.configure(balancer.head() + KEY + top + "services:\n" + services)
    balancer.start_agent()
    for s in balancer.status()["services"]:
        balancer.wait_serving(s["name"])


@pytest.fixture(scope="module")
def site(network):
    """The router, and balancers without agents."""
    a = Anycast(network)
    yield a
    a.down()


@pytest.fixture
def anycast(lab, site):
    """The same; agents and daemons that a test started are gone after it."""
    yield site
    for b in site.balancers.values():
        b.end()
    site.wait_ways([])
    site.wait_ways([], VIP6)


@pytest.fixture
def three(anycast):
    """Three balancers that serve and announce, by BIRD."""
    for b in anycast.balancers.values():
        start(b, announced(min_up=2))
        b.start_bird()
    for vip in (VIP4, VIP6):
        anycast.wait_ways(anycast.balancers, vip, 60)
    return anycast


def packets(balancer, name="web"):
    """Of a service, on a balancer."""
    return next(s["packets"] for s in balancer.status()["services"] if s["name"] == name)


# A connection from each source port, ended by a reset, so that the port is free at once: who answered.
ASK = """
import json, socket, struct, sys
vip, first, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
said = {}
for port in range(first, first + n):
    s = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET)
    s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.bind(("", port))
    s.connect((vip, 80))
    s.send(b"GET / HTTP/1.0\\r\\n\\r\\n")
    text = b""
    while more := s.recv(4096):
        text += more
    said[port] = text.decode().split()[-1]
    s.close()
print(json.dumps(said))
"""


def by_port(lab, vip, first, n):
    """{source port: who answered}"""
    return json.loads(lab.inside("client", "/usr/bin/python3", "-c", ASK, vip, str(first), str(n)))


def test_spread_and_equal(lab, three):
    """ECMP spreads flows over all three; the same flow gets the same backend by whichever way it comes."""
    before = {h: packets(b) for h, b in three.balancers.items()}
    first = by_port(lab, VIP4, 20000, 60)
    first6 = by_port(lab, VIP6, 21000, 30)
    assert set(first.values()) == set(first6.values()) == set(lab.backends)
    shares = {h: packets(b) - before[h] for h, b in three.balancers.items()}
    assert all(shares.values()), shares
    # One after the other is taken out by its operator's stop of the agent; the flows go by other ways.
    for gone in ("lb", "lb2"):
        three.balancers[gone].stop_agent()
        for vip in (VIP4, VIP6):
            three.wait_ways([h for h in three.balancers if h > gone], vip, 2)
        assert by_port(lab, VIP4, 20000, 60) == first
        assert by_port(lab, VIP6, 21000, 30) == first6
    only = three.balancers["lb3"]
    assert packets(only) - before["lb3"] > sum(shares.values())


def test_open_connections_stay(lab, three, servers):  # noqa: F811
    """A balancer's agent stops and comes back: connections go on by other ways, at the backends that they have."""
    for b in three.balancers.values():
        b.configure(b.head() + KEY + "services:\n" + announced() + service(
            name="talk", port=PORT, probe=PROBE, announce="route"))
        b.cli("config", "apply")
        b.wait_serving("talk")
    three.wait_ways(three.balancers)
    holder = Holder(lab, PORT)
    try:
        holder.ask("open 90")
        said = holder.ask("talk")
        assert said["broken"] == 0 and set(said["by"]) == set(lab.backends)
        assert all(packets(b, "talk") for b in three.balancers.values())
        for gone in ("lb2", "lb3"):
            b = three.balancers[gone]
            b.stop_agent()
            three.wait_ways(set(three.balancers) - {gone}, patience=2)
            said = holder.ask("talk")
            assert (said["broken"], said["moved"]) == (0, 0)
            b.start_agent()
            three.wait_ways(three.balancers)
            said = holder.ask("talk")
            assert (said["broken"], said["moved"]) == (0, 0)
    finally:
        holder.close()


def peers_of(three, host, key):
    """The section of one of them: the others are its peers."""
    others = ", ".join(f"{{name: {h}, address: {v4(h)}}}" for h in three.balancers if h != host)
    return f"peers: {{listen: {v4(host)}, key_file: {key}, interval: 50ms, list: [{others}]}}\n"


def peers_records(balancer):
    """What it says of the records that it and each of its peers tell each other, of those that are up."""
    return {p["name"]: p["records"] for p in balancer.status()["peers"]["list"] if p["state"] == "up"}


def in_step(balancer, n):
    """Whether it has told all of so many peers all, and has all that they have told."""
    all_of_them = peers_records(balancer).values()
    return len(all_of_them) == n and all(r["ours"]["complete"] and r["theirs"]["complete"] and not r["lag"]
                                         for r in all_of_them)


def test_records_follow(lab, three, servers):  # noqa: F811
    """Slots move, and the router takes flows elsewhere: whose slot it was when a flow began is known there, too."""
    key = f"{lab.folder}/peers.key"
    with open(key, "w", encoding="ascii") as f:
        f.write("5a" * 32 + "\n")
    os.chmod(key, 0o600)
    for host, b in three.balancers.items():
        b.configure(b.head() + KEY + peers_of(three, host, key) + "services:\n" + announced() + service(
            name="talk", port=PORT, probe=PROBE, hold="10m", announce="route"))
        b.cli("config", "apply")
        b.wait_serving("talk")
    three.wait_ways(three.balancers)
    for b in three.balancers.values():
        lab.wait_for(lambda b=b: in_step(b, 2), 10, "the peers to be in step")
    holder = Holder(lab, PORT)

    def talk(*before):
        for command in before:
            holder.ask(command)
        said = holder.ask("talk")
        assert (said["broken"], said["moved"]) == (0, 0), said
        return said["by"]
    try:
        old = talk("open 60")["b1"]
        assert old > 5
        three.balancers["lb"].cli("drain", "b1", "--service", "talk")
        for b in three.balancers.values():
            b.wait_for(lambda b=b: b.backend("talk", "b1")["slots"] == 0, 5, "the drain to be heard of")
        # b1's slots have new owners, and these get the new ones; without a record they would be taken for b1's.
        said = talk("open 90")
        assert said["b1"] == old and sum(said.values()) == 150
        assert all(packets(b, "talk") for b in three.balancers.values())
        for b in three.balancers.values():
            lab.wait_for(lambda b=b: in_step(b, 2), 10, "the records to be told")
        gone = three.balancers["lb2"]
        for h in ("lb", "lb3"):
            assert peers_records(three.balancers[h])["lb2"]["taken"] > 5
        gone.stop_agent()
        three.wait_ways(["lb", "lb3"], patience=2)
        seen = {h: packets(three.balancers[h], "talk") for h in ("lb", "lb3")}
        assert talk()["b1"] == old
        assert sum(packets(three.balancers[h], "talk") - n for h, n in seen.items()) > 150
        # And to one that comes back with nothing but what its peers tell it.
        gone.start_agent()
        lab.wait_for(lambda: in_step(gone, 2), 10, "the one that came back to have all")
        three.wait_ways(three.balancers)
        three.balancers["lb3"].stop_agent()
        three.wait_ways(["lb", "lb2"], patience=2)
        assert talk()["b1"] == old
    finally:
        holder.close()


def test_min_up(lab, anycast):
    """Withdrawn below `min_up`, by probes and by drains; back at it. The other VIP has a word of its own."""
    b = anycast.balancers["lb"]
    start(b, announced(min_up=2) + service(name="other", vip=VIP4_B, announce="route")
          + service(name="silent", vip="192.0.2.12"))
    b.start_bird()
    for vip in (VIP4, VIP6, VIP4_B):
        anycast.wait_ways(["lb"], vip, 60)
        assert b.vip(vip)["announced"] and b.vip(vip)["why"] == ""
    assert set(b.routes()) == {VIP4, VIP4_B, VIP6}
    lab.kill_nginx("b1")
    b.wait_state("web", "b1", "down")
    time.sleep(0.3)
    anycast.wait_ways(["lb"], patience=0.1)
    lab.kill_nginx("b2")
    anycast.wait_ways([], patience=5)
    anycast.wait_ways([], VIP6)
    assert b.vip(VIP4) | {"since": ""} == {
        "vip": VIP4, "announced": False, "since": "",
        "why": "service web: 1 of 3 backends can take flows, min_up is 2"}
    assert f"anycast: {VIP4}: withdrawn for " in b.cli("status").stdout
    anycast.wait_ways(["lb"], VIP4_B, 0.1)
    lab.start_nginx("b2")
    anycast.wait_ways(["lb"], patience=5)
    lab.start_nginx("b1")
    b.wait_serving("web")
    # The operator's word: all of a service with the least `min_up`.
    for i in ("b1", "b2"):
        b.cli("drain", i, "--service", "other")
    time.sleep(0.3)
    anycast.wait_ways(["lb"], VIP4_B, 0.1)
    b.cli("drain", "b3", "--service", "other")
    anycast.wait_ways([], VIP4_B, 2)
    anycast.wait_ways(["lb"], patience=0.1)
    b.cli("undrain", "b1", "--service", "other")
    anycast.wait_ways(["lb"], VIP4_B, 2)


def test_min_up_hysteresis(lab, anycast):
    """A backend that flaps takes the route away once; it is back when enough were there for long enough."""
    b = anycast.balancers["lb"]
    group = f"vrrp: [{{name: g, interface: eth0, vrid: 9, addresses: [{VIP4}], track: {{min_up_cost: 40}}}}]\n"
    hold = 2.5 * PATIENCE
    start(b, announced(min_up=2, min_up_again=3, min_up_hold=f"{int(hold * 1000)}ms"), top=group)
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 2, "the routes, without a hold")

    def priority():
        return b.status()["vrrp"]["groups"][0]["priority"]
    b.wait_for(lambda: priority() == 100, 5, "the group's priority")
    open(f"{lab.folder}/monitor.log", "w", encoding="utf-8").close()
    monitor = lab.procs.start("monitor", ["ip", "-ts", "monitor", "route"], netns=b.ns("lb"),
                              log=f"{lab.folder}/monitor.log")
    b.cli("drain", "b1")
    time.sleep(0.3)
    assert b.routes() == [VIP4, VIP6]

    def wait_why(text):
        b.wait_for(lambda: b.vip(VIP4)["why"] == f"service web: {text}", 2, text)
    began = time.monotonic()
    while time.monotonic() - began < 1.2 * hold:
        b.cli("drain", "b2")
        wait_why("1 of 3 backends can take flows, min_up is 2")
        b.cli("undrain", "b2")
        wait_why("2 of 3 backends can take flows, min_up_again is 3")
        b.cli("undrain", "b1")
        wait_why(f"3 of 3 backends can take flows, and must for the {hold:.1f} s of min_up_hold")
        b.cli("drain", "b1")
        assert b.routes() == []
    b.wait_for(lambda: priority() == 60, 3, "the group's priority to have gone down")
    assert all(not s["enough"] for s in b.status()["services"])
    b.cli("undrain", "b1")
    began = time.monotonic()
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 5, "the routes to come back")
    assert hold - 0.1 < time.monotonic() - began < hold + 0.5 * PATIENCE
    b.wait_for(lambda: priority() == 100, 3, "the group's priority to come back")
    assert all(s["enough"] for s in b.status()["services"])
    lab.procs.end(monitor)
    with open(f"{lab.folder}/monitor.log", encoding="utf-8") as f:
        lines = [line for line in f if f"blackhole {VIP4} " in line]
    assert [line.startswith("Deleted") or " Deleted " in line for line in lines] == [True, False], lines


def test_services_of_one_vip(lab, anycast):
    """All that are announced must serve; one that is not announced has no say."""
    b = anycast.balancers["lb"]
    text = announced() + service(name="alt", port=8080, announce="route") + service(name="quiet", port=8000)
    start(b, text)
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 2, "the routes")
    for i in ("b1", "b2", "b3"):
        b.cli("drain", i, "--service", "quiet")
    time.sleep(0.3)
    assert b.vip(VIP4)["announced"]
    for i in ("b1", "b2", "b3"):
        b.cli("drain", i, "--service", "alt")
    b.wait_for(lambda: b.routes() == [VIP6], 2, "the route to go")
    assert b.vip(VIP4)["why"] == "service alt: 0 of 3 backends can take flows, min_up is 1"
    # A reload: the one that does not serve is left out.
    b.configure(b.head() + KEY + "services:\n" + announced())
    b.cli("config", "apply")
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 2, "the route to come")
    # Another table: all move there.
    b.configure(b.head() + KEY + "anycast: {table: 100000}\nservices:\n" + announced())
    b.cli("config", "apply")
    b.wait_for(lambda: (b.routes(), b.routes(100000)) == ([], [VIP4, VIP6]), 2, "the routes to move")
    # A VIP that is a prefix.
    b.configure(b.head() + KEY + "services:\n" + service(vip="192.0.2.64/28", announce="route"))
    b.cli("config", "apply")
    b.wait_for(lambda: (b.routes(), b.routes(100000)) == (["192.0.2.64/28"], []), 2, "its route")
    # Nothing is announced any more.
    b.configure(b.head() + KEY + "services:\n" + service())
    b.cli("config", "apply")
    b.wait_for(lambda: (b.routes(), b.routes(100000)) == ([], []), 2, "the routes to go")


def test_killed_agent(lab, anycast):
    """kill -9: the route stays, and traffic flows; the next agent takes it over without a gap."""
    b = anycast.balancers["lb"]
    start(b, announced())
    b.start_bird()
    anycast.wait_ways(["lb"], patience=60)
    b.stop_agent(signal.SIGKILL)
    monitor = lab.procs.start("monitor", ["ip", "-ts", "monitor", "route"], netns=b.ns("lb"),
                              log=f"{lab.folder}/monitor.log")
    open(f"{lab.folder}/monitor.log", "w", encoding="utf-8").close()
    time.sleep(1.5)
    assert set(b.routes()) == {VIP4, VIP6}
    assert lab.fetch(url_of(VIP4)) in lab.backends
    # Meanwhile the file has changed: the other VIP's route is one that nobody wants any more.
    b.configure(b.head() + KEY + "services:\n" + service(announce="route"))
    b.start_agent()
    b.wait_for(lambda: b.routes() == [VIP4], 2, "the leftover to go")
    time.sleep(2.2)
    anycast.wait_ways(["lb"], patience=0.1)
    assert b.vip(VIP4)["announced"] and "another program" not in b.log_tail(50)
    lab.procs.end(monitor)
    with open(f"{lab.folder}/monitor.log", encoding="utf-8") as f:
        log = f.read()
    assert VIP6 in log and f" {VIP4} " not in log
    # And the one that does not come back: the unit's last command.
    b.stop_agent(signal.SIGKILL)
    out = b.inside("lb", f"{b.build}/fairleadd", "-c", b.config_path, "--withdraw")
    assert out == "1 routes of VIPs are removed from table 118\n"
    anycast.wait_ways([], patience=2)
    assert b.routes() == []


def test_killed_machine(lab, three):
    """Agent and BIRD die at once: the router sees it by BFD."""
    b = three.balancers["lb2"]
    b.daemon.process.kill()
    b.stop_agent(signal.SIGKILL)
    three.wait_ways(["lb", "lb3"], patience=0.15 + 0.5)
    assert set(lab.fetch_many(url_of(VIP4), 40)) == set(lab.backends)


def test_agent_that_stands_still(lab, anycast):
    """SIGSTOP of the loop alone: past the lease the routes go; they come back with it."""
    b = anycast.balancers["lb"]
    start(b, announced(), top="lease: 300ms\n")
    b.wait_for(lambda: len(b.routes()) == 2, 2, "the routes")
    with frozen_thread(b.agent.pid):
        b.wait_for(lambda: not b.routes(), 2, "the routes to go")
    b.wait_for(lambda: len(b.routes()) == 2, 2, "the routes to come back")


def test_other_programs_routes(lab, anycast):
    """What another program has put there is left alone, and told of; what it takes away comes back."""
    b = anycast.balancers["lb"]
    b.ip("lb", "route", "add", "blackhole", VIP4, "table", "118", "proto", "static")
    start(b, announced())
    b.wait_for(lambda: "another program has a route" in b.vip(VIP4)["why"], 2, "it to be told")
    b.wait_for(lambda: "another program has a route" in b.log_tail(5), 3, "it to be logged")
    assert b.vip(VIP6)["announced"]
    b.stop_agent()
    assert VIP4 in b.ip("lb", "route", "show", "table", "118") and b.routes() == []
    b.start_agent()
    b.ip("lb", "route", "del", "blackhole", VIP4, "table", "118", "proto", "static")
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 3, "the route to come")
    b.ip("lb", "route", "flush", "table", "118")
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 3, "the route to come back")
    # What another program puts in the place of ours is another's, and is not taken for announced.
    for family, vip, left in (("-4", VIP4, [VIP6]), ("-6", VIP6, [VIP4])):
        b.ip("lb", family, "route", "replace", "blackhole", vip, "table", "118", "proto", "static")
        assert b.routes() == left
        b.wait_for(lambda vip=vip: "another program has a route" in b.vip(vip)["why"], 3, "it to be told")
        b.ip("lb", family, "route", "del", "blackhole", vip, "table", "118", "proto", "static")
        b.wait_for(lambda: b.routes() == [VIP4, VIP6], 3, "the route to come back")


def test_route_that_stays(lab, anycast):
    """A withdrawn VIP whose route the kernel keeps is told to be announced, as it is, until the route is gone."""
    b = anycast.balancers["lb"]
    stuck = f"{lab.folder}/stuck"
    b.configure(b.head() + KEY + "services:\n" + announced(min_up=2))
    b.start_agent(env={"FL_STUCK": stuck, "LD_PRELOAD": f"{lab.build}/tests/stuck.so",
                       "ASAN_OPTIONS": "verify_asan_link_order=0"})
    b.wait_serving("web")
    b.wait_serving("web6")
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 2, "the routes")
    open(stuck, "w", encoding="utf-8").close()
    try:
        for i in ("b1", "b2"):
            b.cli("drain", i, "--service", "web")
        told = {"vip": VIP4, "table": 118, "error": os.strerror(errno.EAGAIN)}
        b.wait_for(lambda: b.status()["anycast"]["stuck"] == [told], 5, "it to be told")
        assert b.vip(VIP4)["announced"] and b.vip(VIP4)["why"] == (
            "service web: 1 of 3 backends can take flows, min_up is 2; but the kernel does not remove its route: "
            + told["error"])
        assert f"anycast: {VIP4}: its route should be gone from table 118: " in b.cli("status").stdout
        b.wait_for(lambda: "so that it is still announced" in b.log_tail(9), 3, "it to be logged")
        # Also of a VIP that is in no configuration any more.
        b.configure(b.head() + KEY + "services:\n" + announced(min_up=2).partition("  - name: web6")[0])
        b.cli("config", "apply")
        b.wait_for(lambda: {s["vip"] for s in b.status()["anycast"]["stuck"]} == {VIP4, VIP6}, 5, "both")
        assert b.routes() == [VIP4, VIP6]
    finally:
        os.unlink(stuck)
    b.wait_for(lambda: not b.routes(), 5, "the routes to go")
    b.wait_for(lambda: "routes of all withdrawn VIPs are gone" in b.log_tail(9), 3, "it to be logged")
    assert b.status()["anycast"]["stuck"] == [] and not b.vip(VIP4)["announced"]


@pytest.fixture
def beside(lab, anycast):
    """Another agent on the first balancer, of an instance of its own."""
    other = Lab(lab.prefix, lab.build, f"{lab.folder}/beside", f"{lab.instance}-beside")
    os.makedirs(other.folder, exist_ok=True)
    yield other
    other.procs.end_recorded()
    other.remove_pins()


def test_two_agents_of_one_table(lab, anycast, beside):
    """The second one waits and says so; nothing that it does, its end included, touches the first one's routes."""
    b = anycast.balancers["lb"]
    start(b, announced())
    b.wait_for(lambda: b.routes() == [VIP4, VIP6], 2, "the routes")
    open(f"{lab.folder}/monitor.log", "w", encoding="utf-8").close()
    monitor = lab.procs.start("monitor", ["ip", "-ts", "monitor", "route"], netns=b.ns("lb"),
                              log=f"{lab.folder}/monitor.log")

    def configure(services):
        beside.configure(beside.head(xdp_mode="generic").replace("[eth0]", "[lo]") + "services:\n" + services)

    def why():
        (vip,) = beside.status()["anycast"]["vips"]
        return vip["why"]
    # It announces nothing: what is in the table is no leftover of its own.
    configure(service(vip=VIP4_B))
    beside.start_agent()
    beside.wait_serving("web")
    configure(service(vip=VIP4_B, announce="route"))
    beside.cli("config", "apply")
    told = "another agent of this machine has its routes in the table"
    beside.wait_for(lambda: why() == told, 3, told)
    beside.wait_for(lambda: "agents need a table each" in beside.log_tail(5), 3, "it to be logged")
    beside.stop_agent()
    out = b.inside("lb", f"{b.build}/fairleadd", "-c", beside.config_path, "--withdraw", check=False)
    assert "an agent that runs keeps its routes in table 118" in out
    beside.start_agent()
    beside.wait_for(lambda: why() == told, 10, told)
    lab.procs.end(monitor)
    with open(f"{lab.folder}/monitor.log", encoding="utf-8") as f:
        assert "blackhole" not in f.read()
    assert b.routes() == [VIP4, VIP6]
    # The first one goes, the second one takes its place.
    b.stop_agent()
    beside.wait_for(lambda: (b.routes(), why()) == ([VIP4_B], ""), 3, "the second one's route")


def test_frr(lab, anycast):
    """configs/frr.conf: the main table, both families; withdrawn, and announced again."""
    b = anycast.balancers["lb"]
    start(b, announced(min_up=2), top="anycast: {table: 254}\n")
    b.start_frr()
    for vip in (VIP4, VIP6):
        anycast.wait_ways(["lb"], vip, 60)
    assert set(lab.fetch_many(url_of(VIP4), 40)) == set(lab.backends)
    assert set(lab.fetch_many(url_of(VIP6), 40)) == set(lab.backends)
    for i in ("b1", "b2"):
        b.cli("drain", i)
    for vip in (VIP4, VIP6):
        anycast.wait_ways([], vip, 3)
    b.cli("undrain", "b1")
    for vip in (VIP4, VIP6):
        anycast.wait_ways(["lb"], vip, 5)
    b.stop_agent()
    for vip in (VIP4, VIP6):
        anycast.wait_ways([], vip, 3)
