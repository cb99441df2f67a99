# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not plain TCP: pings to a VIP, path MTU, fragments."""
import pytest
from conftest import FAST, service, url_of
from lab.topology import VIP4, VIP4_B, VIP6, v4, v6

FAMILIES = pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])


def ping(lab, address):
    """Is a ping answered?"""
    out = lab.inside("client", "ping", "-c", "2", "-i", "0.2", "-W", "1", address, check=False)
    return " 0% packet loss" in out


@FAMILIES
def test_echo(lab, vip, address):
    """Answered as the file says, a reload included; never for an address that is no VIP."""
    backends = [(b, address(b), 100) for b in lab.backends]

    def configure(echo):
        lab.configure(lab.head() + "services:\n" + service(vip=vip, backends=backends, echo=echo))
    configure("true")
    lab.start_agent()
    assert ping(lab, vip)
    assert lab.verdicts()["send_echo"] >= 2
    if vip == VIP4:
        assert not ping(lab, VIP4_B)
    configure("false")
    lab.cli("config", "apply")
    assert not ping(lab, vip)
    configure("true")
    lab.cli("config", "apply")
    assert ping(lab, vip)
    assert ping(lab, address("lb"))


@pytest.fixture
def narrow(network):
    """The way from the balancer to the backends carries packets of 1400 bytes only."""
    for b in network.backends:
        network.ip("lb", "route", "add", f"{v4(b)}/32", "dev", "eth0", "mtu", "1400")
        network.ip("lb", "-6", "route", "add", f"{v6(b)}/128", "dev", "eth0", "mtu", "1400")
    yield
    for b in network.backends:
        network.ip("lb", "route", "del", f"{v4(b)}/32")
        network.ip("lb", "-6", "route", "del", f"{v6(b)}/128")
    for family in ("-4", "-6"):
        network.ip("client", family, "route", "flush", "cache")


@FAMILIES
def test_path_mtu(lab, decap, narrow, vip, address):  # pylint: disable=unused-argument
    """The client learns what fits into the tunnel, and a large request arrives."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, forward="ipip", backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    body = f"{lab.folder}/body"
    with open(body, "wb") as f:
        f.write(b"x" * 300000)
    assert lab.fetch(url_of(vip), "--data-binary", f"@{body}", patience=5) in lab.backends
    assert lab.verdicts()["send_too_big"] > 0
    fits = 1400 - (20 if address is v4 else 40)
    assert f"mtu {fits}" in lab.ip("client", "route", "get", vip)


ECHO = """
import socket
s = socket.socket(socket.AF_INET6 if ":" in "%(vip)s" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("%(vip)s", 5353))
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(b"%(name)s:%%d" %% len(data), peer)
"""

ASK = """
import socket
for i in range(30):
    s = socket.socket(socket.AF_INET6 if ":" in "%(vip)s" else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.sendto(b"x" * 4000, ("%(vip)s", 5353))
    print(s.recv(100).decode())
"""

FRAGMENTS = """
import socket, sys
from scapy.all import *
conf.verb = 0
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 40000))
s.settimeout(1)
whole = IP(src="%(client)s", dst="%(vip)s", id=%(id)d) / UDP(sport=40000, dport=5353) / (b"x" * 4000)
parts = fragment(whole, fragsize=1400)
if %(reverse)d:
    parts = parts[::-1]
for p in parts:
    sendp(Ether(dst="%(mac)s") / p, iface="eth0")
try:
    print(s.recv(100).decode())
except TimeoutError:
    print("nothing")
"""


@pytest.fixture(params=[VIP4, VIP6], ids=["v4", "v6"])
def dns(lab, request):
    """A UDP service with echo servers, which are the test's own."""
    vip, address = request.param, v4 if request.param == VIP4 else v6
    servers = [lab.procs.start(f"echo-{b}", ["/usr/bin/python3", "-c", ECHO % {"vip": vip, "name": b}],
                               netns=lab.ns(b)) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" +
                  service(name="dns", vip=vip, port=5353, protocol="udp",
                          probe=FAST.replace("type: tcp", "type: tcp, port: 80"),
                          backends=[(b, address(b), 100) for b in lab.backends]))
    lab.start_agent()
    lab.wait_serving("dns")
    lab.vip = vip
    yield lab
    for p in servers:
        lab.procs.end(p)


def test_fragments(dns):
    """All fragments of a datagram reach the backend of its first one."""
    out = dns.inside("client", "/usr/bin/python3", "-c", ASK % {"vip": dns.vip}).split()
    assert len(out) == 30
    assert {o.split(":")[0] for o in out} == set(dns.backends)
    assert {o.split(":")[1] for o in out} == {"4000"}
    assert not dns.verdicts()["drop_fragment"]


@pytest.mark.parametrize("dns", [VIP4], indirect=True)
def test_fragments_out_of_order(dns):
    """A later fragment that comes before the first is dropped; the same datagram in order is right."""
    mac = dns.ip("lb", "link", "show", "eth0").split("link/ether ")[1].split()[0]

    def send(ident, reverse):
        return dns.inside("client", "/usr/bin/python3", "-c", FRAGMENTS % {
            "vip": VIP4, "client": v4("client"), "mac": mac, "id": ident,
            "reverse": reverse}).strip().splitlines()[-1]
    assert send(7001, 0).split(":")[1] == "4000"
    assert send(7002, 1) == "nothing"
    assert dns.verdicts()["drop_fragment"] == 2
