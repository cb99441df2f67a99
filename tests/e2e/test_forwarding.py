# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients reach backends through every way of forwarding, and what is not a service's stays untouched."""
import itertools
import time

import pytest
from conftest import FAST, answers, service, url_of
from lab.topology import VIP4, VIP6, v4, v6


@pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
def test_l2(lab, vip, address):
    """Direct server return by MAC rewrite; every backend gets its share."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)


@pytest.mark.parametrize("vip, address", itertools.product((VIP4, VIP6), (v4, v6)),
                         ids=["4in4", "4in6", "6in4", "6in6"])
def test_ipip(lab, decap, vip, address):  # pylint: disable=unused-argument
    """The four IP-in-IP pairs through the project's own decapsulation."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, forward="ipip", backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    counts = {v["name"]: v["packets"] for v in lab.status()["verdicts"]}
    assert counts["send_ipip"] > 0 and counts["send_l2"] == 0


@pytest.mark.parametrize("vip, address", itertools.product((VIP4, VIP6), (v4, v6)),
                         ids=["4in4", "4in6", "6in4", "6in6"])
def test_gue(lab, decap, vip, address):  # pylint: disable=unused-argument
    """The same pairs in GUE."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, forward="gue", backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    counts = lab.verdicts()
    assert counts["send_gue"] > 0 and counts["send_ipip"] == 0


ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("%s", 5353))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"%s:" + data, peer)
"""

ASK = """
import socket
for i in range(30):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.sendto(b"hello", ("%s", 5353))
    print(s.recv(100).decode())
"""


def test_udp(lab):
    """A UDP service; a socket's datagrams stay with one backend. The echo servers are the test's own."""
    servers = [lab.procs.start(f"echo-{b}", ["/usr/bin/python3", "-c", ECHO % (VIP4, b)],
                               netns=lab.ns(b)) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" +
                  service(name="dns", port=5353, protocol="udp",
                          probe=FAST.replace("type: tcp", "type: tcp, port: 80")))
    lab.start_agent()
    for b in lab.backends:
        lab.wait_state("dns", b, "up")
    out = lab.inside("client", "/usr/bin/python3", "-c", ASK % VIP4).split()
    for p in servers:
        lab.procs.end(p)
    assert len(out) == 30 and {o.split(":")[0] for o in out} == set(lab.backends)


def test_weights(lab):
    """Weights are kept to the slot; weight 0 gets nothing."""
    backends = [("b1", v4("b1"), 300), ("b2", v4("b2"), 100), ("b3", v4("b3"), 0)]
    lab.configure(lab.head() + "services:\n" + service(backends=backends))
    lab.start_agent()
    lab.wait_state("web", "b1", "up")
    lab.wait_state("web", "b2", "up")
    time.sleep(0.2)
    assert lab.backend("web", "b1")["slots"] == 49152
    assert lab.backend("web", "b2")["slots"] == 16384
    assert lab.backend("web", "b3")["slots"] == 0
    assert "b3" not in answers(lab, url_of(VIP4), 20)


def test_others_traffic_is_untouched(web):
    """The balancer's own address answers ping, big and fragmented pings, and plain TCP."""
    web.inside("client", "ping", "-c", "2", "-W", "2", v4("lb"))
    web.inside("client", "ping", "-c", "2", "-W", "2", "-s", "4000", v4("lb"))
    web.inside("client", "ping", "-6", "-c", "2", "-W", "2", "-s", "4000", v6("lb"))
    counts = {v["name"]: v["packets"] for v in web.status()["verdicts"]}
    assert counts["pass_fragment"] >= 4
    assert not any(n for name, n in counts.items() if name.startswith("drop_"))


def test_counters(web):
    """What the status counts is what was sent: a request is some packets of one backend."""
    before = {b: web.backend("web", b)["packets"] for b in web.backends}
    who = web.fetch(url_of(VIP4))
    after = {b: web.backend("web", b)["packets"] for b in web.backends}
    grown = {b for b in web.backends if after[b] > before[b]}
    assert grown == {who}
    # SYN, ACK, request, FIN and ACKs: the client's half of one request
    assert 4 <= after[who] - before[who] <= 12
