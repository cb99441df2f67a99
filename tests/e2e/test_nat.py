# SPDX-License-Identifier: GPL-2.0-or-later
"""Backends that do not have the VIP: destination NAT, replies in the VIP's name, full NAT."""
import time

import pytest
from conftest import answers, service, url_of
from lab.topology import VIP4, VIP4_B, VIP6, v4, v6

FAMILIES = pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
POOL = {v4: ("10.77.0.3", "10.77.0.4"), v6: ("fd77::3", "fd77::4")}


def pool_of(lab, address, port=None):
    """The backends, optionally with a port of their own."""
    return [(b, address(b), 100) + ((port,) if port else ()) for b in lab.backends]


@FAMILIES
def test_nat(lab, routed, vip, address):  # pylint: disable=unused-argument
    """Ports are mapped, the backend sees the client, the client sees the VIP, probes go on."""
    lab.configure(lab.head() + "services:\n" +
                  service(vip=vip, forward="nat", backends=pool_of(lab, address, 8080)))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    assert lab.fetch(url_of(vip, path="/port")) == "8080"
    assert lab.fetch(url_of(vip, path="/client")) == address("client")
    counts = lab.verdicts()
    assert counts["send_nat"] > 0 and counts["send_reply"] > 0
    # The balancer's own connections to the same port are nobody's replies.
    assert counts["pass_local"] > 0
    assert {b["state"] for b in lab.status()["services"][0]["backends"]} == {"up"}


@FAMILIES
def test_large_answers_and_requests(lab, routed, vip, address):  # pylint: disable=unused-argument
    """Many full segments each way, all checksums right: 2 MB up; nginx's answer to a bad one down."""
    lab.configure(lab.head() + "services:\n" +
                  service(vip=vip, forward="nat", backends=pool_of(lab, address)))
    lab.start_agent()
    lab.wait_serving("web")
    body = f"{lab.folder}/body"
    with open(body, "wb") as f:
        f.write(b"fairlead " * 200000)
    for _ in range(4):
        assert lab.fetch(url_of(vip), "--data-binary", f"@{body}", patience=10) in lab.backends
    assert not [n for n, c in lab.verdicts().items() if n.startswith("drop_") and c]


def test_two_services_on_one_backend(lab, routed):  # pylint: disable=unused-argument
    """A reply does not tell which of the two it is of: each flow has a record that does."""
    def both(*names):
        vips = {"one": VIP4, "two": VIP4_B}
        return lab.head() + "services:\n" + "".join(
            service(name=n, vip=vips[n], forward="nat", backends=pool_of(lab, v4), idle="10s")
            for n in names)
    lab.configure(both("one", "two"))
    lab.start_agent()
    lab.wait_serving("one")
    lab.wait_serving("two")
    for _ in range(10):
        assert lab.fetch(url_of(VIP4)) in lab.backends
        assert lab.fetch(url_of(VIP4_B)) in lab.backends
    # One goes: the other does not get its name back before the replies of the first have died out.
    lab.configure(both("one"))
    lab.cli("config", "apply")
    assert answers(lab, url_of(VIP4), 40) == set(lab.backends)
    assert lab.fetch(url_of(VIP4_B), patience=1) is None
    time.sleep(11.5)
    assert answers(lab, url_of(VIP4), 40) == set(lab.backends)
    # It comes back beside flows that had no records.
    lab.configure(both("one", "two"))
    lab.cli("config", "apply")
    lab.wait_serving("two")
    for _ in range(10):
        assert lab.fetch(url_of(VIP4)) in lab.backends
        assert lab.fetch(url_of(VIP4_B)) in lab.backends


def test_shared_port_of_any_port(lab, routed):  # pylint: disable=unused-argument
    """A service of any port beside one of a single port on the same backends."""
    probe = "{type: tcp, port: 80, interval: 100ms, timeout: 100ms, rise: 1, fall: 2}"
    lab.configure(lab.head() + "services:\n" +
                  service(name="any", forward="nat", port="any", probe=probe) +
                  service(name="one", vip=VIP4_B, forward="nat"))
    lab.start_agent()
    lab.wait_serving("any")
    lab.wait_serving("one")
    for port in (80, 8000, 8001):
        assert lab.fetch(url_of(VIP4, port, "/port")) == str(port)
    assert lab.fetch(url_of(VIP4_B, path="/port")) == "80"


def test_backend_itself_beside_any_port(lab, routed):  # pylint: disable=unused-argument
    """Where every port is the service's, who asks a backend by its own address is answered by it."""
    probe = "{type: tcp, port: 80, interval: 100ms, timeout: 100ms, rise: 1, fall: 2}"
    lab.configure(lab.head() + "services:\n" +
                  service(name="any", forward="nat", port="any", probe=probe))
    lab.start_agent()
    lab.wait_serving("any")
    assert lab.fetch(url_of(VIP4, 8000, "/port")) == "8000"
    before = lab.verdicts()
    # The question goes to it on the link, the answer comes by the balancer.
    assert lab.fetch(url_of(v4("b1"))) == "b1"
    after = lab.verdicts()
    assert after["pass_not_service"] >= before["pass_not_service"] + 4
    assert after["send_reply"] == before["send_reply"]


@pytest.fixture
def strangers(network, routed):  # pylint: disable=unused-argument
    """Backends that cannot reach the client, and a pool of addresses on the balancer."""
    for address, pool in POOL.items():
        for a in pool:
            network.ip("lb", "addr", "add", a + ("/24" if address is v4 else "/64"), "dev", "eth0",
                       *(("nodad",) if address is v6 else ()))
    for b in network.backends:
        network.route_back(b, on=False)
        network.ip(b, "route", "replace", "blackhole", f"{v4('client')}/32")
        network.ip(b, "-6", "route", "replace", "blackhole", f"{v6('client')}/128")
    yield
    for b in network.backends:
        network.ip(b, "route", "del", "blackhole", f"{v4('client')}/32")
        network.ip(b, "-6", "route", "del", "blackhole", f"{v6('client')}/128")
        network.route_back(b)
    for address, pool in POOL.items():
        for a in pool:
            network.ip("lb", "addr", "del", a + ("/24" if address is v4 else "/64"), "dev", "eth0")


@FAMILIES
def test_fullnat(lab, strangers, vip, address):  # pylint: disable=unused-argument
    """The backend sees an address of the pool, and needs no way to the client."""
    pool = POOL[address]
    key = "source4" if address is v4 else "source6"
    snat = "{" + key + ": [" + ", ".join(f'"{a}"' for a in pool) + "]}"
    lab.configure(lab.head(snat=snat) + "services:\n" +
                  service(vip=vip, forward="fullnat", backends=pool_of(lab, address, 8001)))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    assert {lab.fetch(url_of(vip, path="/client")) for _ in range(20)} <= set(pool)
    assert lab.fetch(url_of(vip, path="/port")) == "8001"
    assert lab.verdicts()["send_fullnat"] > 0
    assert "is not an address of this machine" not in lab.log_tail(50)


def test_fullnat_of_a_stranger(lab):
    """A pool address that this machine does not have: said, since its replies may not come back."""
    lab.configure(lab.head(snat='{source4: ["10.99.0.1"]}') + "services:\n" +
                  service(forward="fullnat"))
    lab.start_agent()
    assert "snat: 10.99.0.1 is not an address of this machine" in lab.log_tail(50)


def test_gates_come_and_go(lab, routed):  # pylint: disable=unused-argument
    """NAT's map of records comes with its services and goes with them, over restarts in between."""
    def configure(forward):
        lab.configure(lab.head() + "services:\n" + service(forward=forward))
    configure("nat")
    lab.start_agent()
    for forward, restart in (("l2", False), ("nat", False), ("l2", True), ("nat", True),
                             ("nat", True)):
        configure(forward)
        if restart:
            lab.stop_agent()
            lab.start_agent()
        else:
            lab.cli("config", "apply")
        lab.wait_serving("web")
        assert answers(lab, url_of(VIP4), 40) == set(lab.backends)
        assert lab.pinned("nat_flows") == (forward == "nat")
        assert lab.pinned("nat_back") and not lab.pinned("meters")
