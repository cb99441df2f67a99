# SPDX-License-Identifier: GPL-2.0-or-later
"""Another way to the backends, by another interface or in another mode, while traffic runs."""
import re
import subprocess

import pytest
from conftest import answers, service, url_of
from lab.topology import VIP4, v4


@pytest.fixture
def second_net(network):
    """A cable from eth1 of the balancer to eth1 of b1 and nowhere else, with 10.78.0.0/24."""
    network.ip("lb", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns",
               network.ns("b1"))
    for host, address in (("lb", "10.78.0.2/24"), ("b1", "10.78.0.11/24")):
        network.inside(host, "ethtool", "-K", "eth1", "tx", "off")
        network.ip(host, "addr", "add", address, "dev", "eth1")
        network.ip(host, "link", "set", "eth1", "up")
    network.sysctl("b1", ipv4__conf__eth1__rp_filter=0)
    network.attach_xdp("b1", "eth1", f"{network.build}/tests/xdp_pass.bpf.o")
    yield
    network.ip("lb", "link", "del", "eth1")


def test_backend_behind_another_interface(lab, second_net):  # pylint: disable=unused-argument
    """Packets come in by eth0 and leave by eth1, where the program is not attached."""
    lab.configure(lab.head() + "services:\n" + service(
        backends=[("near", v4("b2"), 100), ("far", "10.78.0.11", 100)]))
    lab.start_agent()
    for b in ("near", "far"):
        lab.wait_state("web", b, "up")
    lab.wait_for(lambda: answers(lab, url_of(VIP4), 30) == {"b1", "b2"}, 5, "both to answer")
    assert lab.backend("web", "far")["nexthop"]["interface"] == "eth1"
    lab.ip("lb", "link", "set", "eth1", "down")
    lab.wait_state("web", "far", "down")
    lab.wait_for(lambda: answers(lab, url_of(VIP4), 20) == {"b2"}, 5, "b2 to have all")
    lab.ip("lb", "link", "set", "eth1", "up")
    lab.wait_state("web", "far", "up", 10)
    lab.wait_for(lambda: answers(lab, url_of(VIP4), 30) == {"b1", "b2"}, 5, "both to answer")


def wrk(lab, seconds):
    """A client with a new connection for every request, in the background."""
    return subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{lab.ns('client')}", "wrk", "-t1", "-c4", f"-d{seconds}s",
         "--timeout", "2s", "-H", "Connection: close", url_of(VIP4)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def failed(process):
    """(requests, failed ones) that wrk tells of."""
    out = process.communicate(timeout=60)[0]
    total = int(re.search(r"(\d+) requests in", out).group(1))
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return total, sum(map(int, errors.groups())) if errors else 0, int(other.group(1)) if other else 0


def test_modes_of_the_vip(lab, decap):  # pylint: disable=unused-argument
    """Between ways that leave the VIP to the backend a reload breaks nothing, gates included."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    load = wrk(lab, 14)
    for forward in ("ipip", "gue", "l2", "ipip", "l2"):
        wild = service(name="wild", vip="198.51.100.0/28", port="any",
                       probe="{type: tcp, port: 80}") if forward == "ipip" else ""
        lab.configure(lab.head() + "services:\n" + service(forward=forward) + wild)
        lab.cli("config", "apply")
        lab.wait_for(lambda f=forward: lab.verdicts()[f"send_{f}"] > 0, 5, forward)
    total, errors, wrong = failed(load)
    assert total > 100 and not errors and not wrong


@pytest.mark.parametrize("forward", ["nat"])
def test_to_and_from_nat(lab, routed, forward):  # pylint: disable=unused-argument
    """The backend is another to the client's connections, so only what begins after it holds."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    for mode in (forward, "l2", forward):
        lab.configure(lab.head() + "services:\n" + service(forward=mode))
        lab.cli("config", "apply")
        total, errors, wrong = failed(wrk(lab, 3))
        assert total > 100 and not errors and not wrong
