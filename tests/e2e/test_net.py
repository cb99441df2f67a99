# SPDX-License-Identifier: GPL-2.0-or-later
"""Next hops as user/net follows them, in a kernel's real routes and neighbours.

    fl-nt-a eth0 ---- wa fl-nt-lb wb ---- eth0 fl-nt-b

netwatch runs in fl-nt-lb. Nothing but the kernel's answers is waited for: no sleep decides a test.
"""
import os
import re
import signal
import subprocess
import threading
import time

import pytest
from lab.lab import PREFIX

BUILD = os.environ.get("FL_BUILD", "build")
NETWATCH = f"{BUILD}/tests/netwatch"
LAB = PREFIX + "-nt"
LB, A, B = f"{LAB}-lb", f"{LAB}-a", f"{LAB}-b"
MAC_A, MAC_B, MAC_NEW = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"
MAC_WA, MAC_WB = "02:00:00:00:01:0a", "02:00:00:00:01:0b"
NO_MAC = "00:00:00:00:00:00"
PATIENCE = 15  # seconds


def inside(netns, *argv, check=True):
    """Runs argv in a namespace of the network and nothing else; returns its output."""
    p = subprocess.run(["nsenter", f"--net=/run/netns/{netns}", *argv], text=True,
                       capture_output=True, check=False)
    if check and p.returncode:
        raise AssertionError(f"{' '.join(argv)} in {netns}: {p.stderr}")
    return p.stdout


def ip(netns, line, check=True):
    """`ip LINE` in the namespace."""
    return inside(netns, "ip", *line.split(), check=check)


def remove():
    """Takes the namespaces away, those of a run that crashed too."""
    for netns in (LB, A, B):
        if os.path.exists(f"/run/netns/{netns}"):
            subprocess.run(["ip", "netns", "del", netns], check=True)


def connect(name, peer, mac, peer_mac, number):
    """A veth from the balancer to `peer`, addresses 10.NUMBER.0.1 and .2, fdNUMBER::1 and ::2."""
    ip(LB, f"link add {name} address {mac} type veth peer name eth0 netns {peer} address {peer_mac}")
    for netns, dev, host in ((LB, name, 1), (peer, "eth0", 2)):
        ip(netns, f"link set {dev} up")
        ip(netns, f"addr add 10.{number}.0.{host}/24 dev {dev}")
        ip(netns, f"addr add fd{number}::{host}/64 dev {dev} nodad")
        ip(netns, f"addr add fe80::{number}:{host}/64 dev {dev} nodad")
    for family in ("ipv4", "ipv6"):  # a neighbour's life, faster
        inside(LB, "sysctl", "-qw", f"net.{family}.neigh.{name}.retrans_time_ms=100",
               f"net.{family}.neigh.{name}.delay_first_probe_time=1")


@pytest.fixture(name="lab")
def fixture_lab():
    """The network above."""
    remove()
    try:
        for netns in (LB, A, B):
            subprocess.run(["ip", "netns", "add", netns], check=True)
            ip(netns, "link set lo up")
        connect("wa", A, MAC_WA, MAC_A, 71)
        connect("wb", B, MAC_WB, MAC_B, 72)
        yield
    finally:
        remove()


class Driver:
    """netwatch, and what it has said."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{LB}", NETWATCH], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.hops = {}
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        """Collects lines; the last hop of each address is in `hops`."""
        for line in self.process.stdout:
            words = line.split()
            with self.news:
                self.lines.append(line.strip())
                if words[0] in ("hop", "watched"):
                    self.hops[words[1]] = dict(w.split("=", 1) for w in words[2:])
                self.news.notify_all()

    def wait(self, what, predicate):
        """Waits until predicate() holds."""
        with self.news:
            if not self.news.wait_for(predicate, PATIENCE):
                raise AssertionError(f"no {what}:\n" + "\n".join(self.lines[-20:]))

    def say(self, *commands):
        """Gives commands."""
        self.process.stdin.write("".join(f"{c}\n" for c in commands))

    def ping(self):
        """Returns when all that was said before is done."""
        before = self.lines.count("pong")
        self.say("ping")
        self.wait("pong", lambda: self.lines.count("pong") > before)

    def watch(self, address):
        """Watches the address; what was known at once."""
        self.say(f"watch {address}")
        self.wait(f"answer to watch {address}", lambda: address in self.hops)
        return self.hops[address]

    def until(self, address, **fields):
        """Waits until the address's hop has these fields."""
        def holds():
            hop = self.hops.get(address, {})
            return all(hop.get(k) == str(v) for k, v in fields.items())
        self.wait(f"{address} with {fields}", holds)
        return self.hops[address]

    def said(self, start):
        """The lines that begin so."""
        with self.news:
            return [line for line in self.lines if line.startswith(start)]

    def end(self):
        """Ends it by the end of its input; it must leave nothing behind."""
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
        assert (self.process.returncode, self.process.stderr.read()) == (0, "")


@pytest.fixture(name="net")
def fixture_net(lab):  # pylint: disable=unused-argument
    """netwatch in the network above."""
    if not os.path.exists(NETWATCH):
        pytest.fail(f"{NETWATCH} is missing: make {NETWATCH}")
    driver = Driver()
    try:
        driver.ping()
        yield driver
    finally:
        driver.end()


def neigh_state(address):
    """The state of the balancer's neighbour entry, "" if there is none."""
    out = ip(LB, f"neigh show {address}").split()
    return out[-1] if out else ""


def wait_for_state(address, state):
    """Waits until the kernel's entry is in that state."""
    deadline = time.monotonic() + PATIENCE
    while neigh_state(address) != state:
        assert time.monotonic() < deadline, f"{address} is {neigh_state(address)}, not {state}"
        time.sleep(0.05)


@pytest.mark.parametrize("address", ["10.71.0.2", "fd71::2"])
def test_a_neighbour_nobody_spoke_to_is_resolved(net, address):
    first = net.watch(address)
    assert (first["resolved"], first["dmac"]) in (("0", NO_MAC), ("1", MAC_A))
    hop = net.until(address, resolved=1)
    assert hop == {"resolved": "1", "on_link": "1", "local": "0", "dev": "wa", "mtu": "1500",
                   "dmac": MAC_A, "smac": MAC_WA, "via": address,
                   "source": "10.71.0.1" if "." in address else hop["source"]}


def test_a_known_neighbour_is_answered_at_once(net):
    ip(LB, f"neigh replace 10.71.0.2 lladdr {MAC_A} dev wa nud reachable")
    assert net.watch("10.71.0.2")["dmac"] == MAC_A
    net.ping()
    assert not net.said("hop")


@pytest.mark.parametrize("route, address, via", [
    ("route add 10.90.0.0/16 via 10.71.0.2", "10.90.1.1", "10.71.0.2"),
    ("route add fd90::/16 via fd71::2", "fd90::1", "fd71::2"),
    ("route add 10.91.0.0/24 via inet6 fe80::71:2 dev wa", "10.91.0.1", "fe80::71:2"),
])
def test_behind_a_gateway(net, route, address, via):
    ip(LB, route)
    net.watch(address)
    hop = net.until(address, resolved=1)
    assert (hop["via"], hop["on_link"], hop["dmac"], hop["dev"]) == (via, "0", MAC_A, "wa")


def test_a_route_moves_to_another_link(net):
    ip(LB, "route add 10.90.0.0/16 via 10.71.0.2 src 10.72.0.1")
    net.watch("10.90.1.1")
    net.until("10.90.1.1", resolved=1, dev="wa", smac=MAC_WA, dmac=MAC_A, source="10.72.0.1")
    ip(LB, "route replace 10.90.0.0/16 via 10.72.0.2")
    net.until("10.90.1.1", resolved=1, dev="wb", smac=MAC_WB, dmac=MAC_B)
    ip(LB, "route del 10.90.0.0/16")
    net.until("10.90.1.1", resolved=0, dev="-", dmac=NO_MAC)
    ip(LB, "nexthop add id 7 via 10.71.0.2 dev wa")
    ip(LB, "route add 10.90.0.0/16 nhid 7")
    net.until("10.90.1.1", resolved=1, dev="wa")
    ip(LB, "nexthop replace id 7 via 10.72.0.2 dev wb")
    net.until("10.90.1.1", resolved=1, dev="wb", dmac=MAC_B)


def test_a_rule_decides_the_route(net):
    ip(LB, "route add 10.90.0.0/16 via 10.71.0.2")
    ip(LB, "route add 10.90.0.0/16 via 10.72.0.2 table 100")
    net.watch("10.90.1.1")
    net.until("10.90.1.1", resolved=1, dev="wa")
    ip(LB, "rule add to 10.90.0.0/16 lookup 100")
    net.until("10.90.1.1", resolved=1, dev="wb")


def test_a_neighbour_gets_another_mac(net):
    for address in ("10.71.0.2", "fd71::2"):
        net.watch(address)
        net.until(address, resolved=1, dmac=MAC_A)
        ip(LB, f"neigh replace {address} lladdr {MAC_NEW} dev wa nud reachable")
        net.until(address, resolved=1, dmac=MAC_NEW)


def test_a_replaced_machine_is_found_by_confirming(net):
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1, dmac=MAC_A)
    ip(A, f"link set eth0 address {MAC_NEW}")
    ip(LB, "neigh change 10.71.0.2 dev wa nud stale")
    net.until("10.71.0.2", resolved=1, dmac=MAC_NEW)


@pytest.mark.parametrize("address", ["10.71.0.2", "fd71::2"])
def test_a_stale_neighbour_is_confirmed_without_traffic(net, address):
    net.watch(address)
    net.until(address, resolved=1)
    wait_for_state(address, "REACHABLE")
    ip(LB, f"neigh change {address} dev wa nud stale")
    wait_for_state(address, "REACHABLE")
    assert not [line for line in net.said(f"hop {address}")[1:] if "resolved=0" in line]


def test_a_flushed_neighbour_is_found_again_and_never_unresolved(net):
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1)
    before = len(net.said("hop"))
    for _ in range(5):
        ip(LB, "neigh flush dev wa")
        wait_for_state("10.71.0.2", "REACHABLE")
    net.ping()
    assert len(net.said("hop")) == before


def test_a_permanent_entry_stays_permanent(net):
    ip(LB, f"neigh replace 10.71.0.9 lladdr {MAC_NEW} dev wa nud permanent")
    assert net.watch("10.71.0.9")["resolved"] == "1"
    ip(LB, f"neigh replace 10.71.0.9 lladdr {MAC_B} dev wa nud permanent")
    net.until("10.71.0.9", dmac=MAC_B)
    assert neigh_state("10.71.0.9") == "PERMANENT"


def test_a_neighbour_that_dies_and_returns(net):
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1)
    ip(A, "addr del 10.71.0.2/24 dev eth0")
    ip(LB, "neigh flush dev wa")
    net.until("10.71.0.2", resolved=0, dmac=NO_MAC, dev="wa")
    # Each further try is INCOMPLETE, then FAILED: never a reason to believe in the old MAC again.
    start = len(net.said("hop"))
    time.sleep(2)
    assert len(net.said("hop")) == start
    ip(A, "addr add 10.71.0.2/24 dev eth0")
    net.until("10.71.0.2", resolved=1, dmac=MAC_A)


@pytest.mark.parametrize("netns, dev", [(LB, "wa"), (A, "eth0")], ids=["lb-wa", "a-eth0"])
def test_link_down_and_up(net, netns, dev):
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1)
    ip(netns, f"link set {dev} down")
    net.until("10.71.0.2", resolved=0)
    net.wait("news of the link", lambda: any(
        re.fullmatch(r"link wa ifindex=\d+ present=1 up=0", line) for line in net.lines))
    ip(netns, f"link set {dev} up")
    net.until("10.71.0.2", resolved=1, dmac=MAC_A)
    net.wait("news of the link", lambda: any(
        re.fullmatch(r"link wa ifindex=\d+ present=1 up=1", line) for line in net.lines))
    # A link has two changes here: each is told once.
    assert len(net.said("link wa ")) == 2


def test_links_come_are_renamed_and_go(net):
    ip(LB, "link add br7 type bridge")
    net.wait("br7", lambda: any(x.startswith("link br7 ") and "present=1" in x for x in net.lines))
    ip(LB, "link set br7 name br8")
    net.wait("no br7", lambda: any(
        x.startswith("link br7 ") and "present=0" in x for x in net.lines))
    net.wait("br8", lambda: any(x.startswith("link br8 ") and "present=1" in x for x in net.lines))
    ip(LB, "link del br8")
    net.wait("no br8", lambda: any(
        x.startswith("link br8 ") and "present=0" in x for x in net.lines))


def test_a_port_leaving_its_bridge_is_no_loss_of_the_link(net):
    net.watch("10.72.0.2")
    net.until("10.72.0.2", resolved=1)
    ip(LB, "link add br7 type bridge")
    ip(LB, "link set wb master br7")
    ip(LB, "link set wb nomaster")
    net.ping()
    assert not [line for line in net.said("link wb ") if "present=0" in line]
    net.until("10.72.0.2", resolved=1)


def test_the_link_of_a_route_vanishes(net):
    net.watch("10.72.0.2")
    net.until("10.72.0.2", resolved=1)
    ip(LB, "link del wb")
    net.until("10.72.0.2", resolved=0, dev="-")


def test_mtu_and_source_mac(net):
    ip(LB, "route add 10.90.0.0/16 via 10.71.0.2 mtu 1300")
    for address, mtu in (("10.71.0.2", 1500), ("10.90.1.1", 1300)):
        net.watch(address)
        net.until(address, resolved=1, mtu=mtu)
    ip(LB, "link set wa mtu 1280")
    net.until("10.71.0.2", mtu=1280)
    net.until("10.90.1.1", mtu=1280)
    ip(LB, f"link set wa address {MAC_NEW}")
    net.until("10.71.0.2", smac=MAC_NEW)


def test_addresses_of_this_machine(net):
    for address in ("10.71.0.1", "fd71::1"):
        assert (net.watch(address)["local"], net.hops[address]["resolved"]) == ("1", "0")
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1)
    ip(LB, "addr add 10.71.0.2/32 dev wb")
    net.until("10.71.0.2", local=1, resolved=0)
    ip(LB, "addr del 10.71.0.2/32 dev wb")
    net.until("10.71.0.2", local=0, resolved=1)


@pytest.mark.parametrize("kind", ["unreachable", "blackhole", "prohibit"])
def test_a_route_that_refuses(net, kind):
    for prefix, gateway, address in (("10.90.0.0/16", "10.71.0.2", "10.90.1.1"),
                                     ("fd90::/16", "fd71::2", "fd90::1")):
        ip(LB, f"route add {kind} {prefix}")
        hop = net.watch(address)
        assert (hop["resolved"], hop["dev"], hop["local"]) == ("0", "-", "0")
        ip(LB, f"route del {kind} {prefix}")
        ip(LB, f"route add {prefix} via {gateway}")
        net.until(address, resolved=1)


def test_no_route_at_all(net):
    for address in ("192.0.2.1", "2001:db8::1"):
        hop = net.watch(address)
        assert (hop["resolved"], hop["dev"]) == ("0", "-")


def test_watches_are_counted(net):
    ip(LB, "route add 10.90.0.0/16 via 10.71.0.2")
    net.watch("10.90.1.1")
    net.say("watch 10.90.1.1", "unwatch 10.90.1.1")
    net.until("10.90.1.1", resolved=1)
    net.watch("10.72.0.2")
    ip(LB, "route replace 10.90.0.0/16 via 10.72.0.2")
    net.until("10.90.1.1", dev="wb", resolved=1)
    net.say("unwatch 10.90.1.1")
    net.ping()
    before = net.said("hop 10.90.1.1")
    ip(LB, "link set wb mtu 1400")
    net.until("10.72.0.2", mtu=1400)
    net.ping()
    assert net.said("hop 10.90.1.1") == before


def test_two_thousand_behind_one_gateway(net):
    ip(LB, "route add 10.90.0.0/16 via 10.71.0.2")
    many = [f"10.90.{i // 200}.{i % 200 + 1}" for i in range(2000)]
    net.say(*(f"watch {a}" for a in many))

    def all_at(dev, mac):
        return lambda: all(net.hops.get(a, {}).get("dev") == dev and net.hops[a]["dmac"] == mac
                           for a in many)
    net.wait("all at wa", all_at("wa", MAC_A))
    for gateway, dev, mac in 5 * [("10.72.0.2", "wb", MAC_B), ("10.71.0.2", "wa", MAC_A)]:
        ip(LB, f"route replace 10.90.0.0/16 via {gateway}")
        net.ping()
    net.wait("all where the last route leads", all_at(dev, mac))
    ip(LB, f"neigh replace 10.71.0.2 lladdr {MAC_NEW} dev wa nud reachable")
    net.wait("all with the new MAC", all_at("wa", MAC_NEW))
    net.say(*(f"unwatch {a}" for a in many))
    net.ping()


def drops(pid):
    """Notifications that the process's netlink sockets could not take."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        inodes.update(match.groups() if match else ())
    rows = [line.split() for line in inside(LB, "cat", "/proc/net/netlink").splitlines()[1:]]
    return sum(int(r[8]) for r in rows if r[9] in inodes)


def test_lost_notifications_are_made_good(net, tmp_path):
    net.watch("10.90.1.1")
    net.watch("10.71.0.2")
    net.until("10.71.0.2", resolved=1)
    ip(LB, "link add br7 type bridge")
    net.wait("br7", lambda: bool(net.said("link br7 ")))
    batch = tmp_path / "routes"
    batch.write_text("".join(f"route add 10.{100 + i // 65536}.{i // 256 % 256}.{i % 256}/32 dev wb\n"
                             for i in range(30000)))
    net.process.send_signal(signal.SIGSTOP)
    try:
        inside(LB, "ip", "-batch", str(batch))
        assert drops(net.process.pid) > 0
        ip(LB, "route add 10.90.0.0/16 via 10.72.0.2")
        ip(LB, f"neigh replace 10.71.0.2 lladdr {MAC_NEW} dev wa nud reachable")
        ip(LB, "link del br7")
        ip(LB, "link add br9 type bridge")
    finally:
        net.process.send_signal(signal.SIGCONT)
    net.until("10.90.1.1", resolved=1, dev="wb")
    net.until("10.71.0.2", resolved=1, dmac=MAC_NEW)
    net.wait("no br7", lambda: "present=0" in net.said("link br7 ")[-1])
    net.wait("br9", lambda: bool(net.said("link br9 ")))
    # And it goes on listening.
    ip(LB, "route replace 10.90.0.0/16 via 10.71.0.2")
    net.until("10.90.1.1", resolved=1, dev="wa")


def test_an_interface_without_ethernet_addresses(net):
    ip(LB, "tuntap add dev tun7 mode tun")
    ip(LB, "link set tun7 up")
    ip(LB, "route add 10.90.0.0/16 dev tun7")
    net.watch("10.90.1.1")
    hop = net.until("10.90.1.1", dev="tun7", resolved=0)
    assert hop["dmac"] == NO_MAC
