# SPDX-License-Identifier: GPL-2.0-or-later
"""Forwarding to backends with the kernel's own tunnel devices, and through its VLAN devices."""
import itertools

import pytest
from conftest import answers, service, url_of
from lab import devices
from lab.doctor import found, only
from lab.topology import VIP4, VIP4_B, VIP6, CommandFailed, v4, v6

ENCAP = "{source4: 198.51.100.0/28, source6: \"2001:db8:ffff::/64\"}"
TAG = 7
NET4, NET6 = "10.78.0.", "fd78::"


def test_gue_end(lab):
    """A backend's GUE end, as it is set up for the balancer, takes what another kernel sends it."""
    try:
        devices.add_tunnels(lab, "b1", "gue")
        lab.ip("client", "link", "add", "gue", "type", "ipip", "local", v4("client"), "remote",
               v4("b1"), "encap", "gue", "encap-sport", "auto", "encap-dport",
               str(devices.GUE_PORT))
    except CommandFailed as e:
        devices.remove_tunnels(lab, "b1", "gue")
        pytest.skip(f"this kernel has no such tunnels: {e}")
    try:
        lab.ip("client", "link", "set", "gue", "up")
        lab.ip("client", "route", "replace", VIP4_B, "dev", "gue", "src", v4("client"))
        assert lab.fetch(url_of(VIP4_B)) == "b1"
        assert devices.received(lab, "b1", "fl-4in4") >= 4
    finally:
        lab.ip("client", "route", "replace", VIP4_B, "via", v4("lb"))
        lab.ip("client", "link", "del", "gue")
        devices.remove_tunnels(lab, "b1", "gue")


@pytest.fixture(scope="module", params=[None, "gue"], ids=["ipip", "gue"])
def tunnels(network, request):
    """Tunnel devices on all backends; yields what wraps them: None, or "gue"."""
    try:
        for b in network.backends:
            devices.add_tunnels(network, b, request.param)
        yield request.param
    except CommandFailed as e:
        pytest.skip(f"this kernel has no such tunnels: {e}")
    finally:
        for b in network.backends:
            devices.remove_tunnels(network, b, request.param)


@pytest.mark.parametrize("vip, address", itertools.product((VIP4, VIP6), (v4, v6)),
                         ids=["4in4", "4in6", "6in4", "6in6"])
def test_tunnel(lab, tunnels, vip, address):
    """The four pairs, from varying outer sources: the device of the pair gets all packets."""
    device = {(VIP4, v4): "fl-4in4", (VIP6, v4): "fl-6in4"}.get((vip, address), "fl-any6")
    before = {b: devices.received(lab, b, device) for b in lab.backends}
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head(encap=ENCAP) + "services:\n" +
                  service(vip=vip, forward=tunnels or "ipip", backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    sent = {b["id"]: b["packets"] for b in lab.status()["services"][0]["backends"]}
    assert {b: devices.received(lab, b, device) - before[b] for b in lab.backends} == sent


@pytest.fixture
def vlan(lab):
    """eth0.7 on all hosts; the client reaches the VIPs through it."""
    hosts = ["client", "lb", *lab.backends]
    try:
        for host in hosts:
            devices.add_vlan(lab, host, TAG, (NET4, NET6))
        lab.ip("client", "route", "replace", VIP4, "via", devices.vlan_address(NET4, "lb"))
        lab.ip("client", "-6", "route", "replace", VIP6, "via", devices.vlan_address(NET6, "lb"))
        yield lab
    except CommandFailed as e:
        pytest.skip(f"this kernel has no VLAN devices: {e}")
    finally:
        lab.ip("client", "route", "replace", VIP4, "via", v4("lb"))
        lab.ip("client", "-6", "route", "replace", VIP6, "via", v6("lb"))
        for host in hosts:
            devices.remove_vlan(lab, host, TAG)


@pytest.mark.parametrize("vip, prefix", [(VIP4, NET4), (VIP6, NET6)], ids=["v4", "v6"])
def test_vlan(vlan, vip, prefix):
    """On the VLAN device itself, where XDP is generic: client, balancer and backends are tagged."""
    lab = vlan
    backends = [(b, devices.vlan_address(prefix, b), 100) for b in lab.backends]
    head = lab.head(xdp_mode="generic").replace("[eth0]", f"[eth0.{TAG}]")
    lab.configure(head + "services:\n" + service(vip=vip, backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    before = {b: devices.received(lab, b, f"eth0.{TAG}") for b in lab.backends}
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    for b in lab.status()["services"][0]["backends"]:
        got = devices.received(lab, b["id"], f"eth0.{TAG}") - before[b["id"]]
        assert got >= b["packets"] > 0


@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "untagged"])
@pytest.mark.parametrize("vip, prefix", [(VIP4, NET4), (VIP6, NET6)], ids=["v4", "v6"])
def test_next_hop_in_a_vlan(vlan, vip, prefix, tagged):
    """Natively on the device below: frames to the backends get the VLAN's tag, whatever they came with."""
    lab = vlan
    if not tagged:
        lab.ip("client", "route", "replace", VIP4, "via", v4("lb"))
        lab.ip("client", "-6", "route", "replace", VIP6, "via", v6("lb"))
    backends = [(b, devices.vlan_address(prefix, b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    before = {b: devices.received(lab, b, f"eth0.{TAG}") for b in lab.backends}
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    for b in lab.status()["services"][0]["backends"]:
        assert b["nexthop"]["interface"] == "eth0" and b["nexthop"]["vlan"] == TAG
        got = devices.received(lab, b["id"], f"eth0.{TAG}") - before[b["id"]]
        assert got >= b["packets"] > 0


@pytest.fixture(params=["client", "backends"])
def between_vlans(lab, routed, request):  # pylint: disable=unused-argument
    """
    The client or the backends in VLAN 7, the others without a tag: a frame of the one never reaches the
    other, which has no such device or sees it elsewhere. Yields the lab, and how to address what is tagged.
    """
    tagged = ["client"] if request.param == "client" else lab.backends
    others = [h for h in ("client", *lab.backends) if h not in tagged]
    there = {h: (devices.vlan_address(NET4, h), devices.vlan_address(NET6, h)) for h in [*tagged, "lb"]}
    back = ([(b, there["client"], (v4("lb"), v6("lb"))) for b in others] if "client" in tagged else
            [(b, (v4("client"), v6("client")), there["lb"]) for b in tagged])
    try:
        for host in there:
            devices.add_vlan(lab, host, TAG, (NET4, NET6))
    except CommandFailed as e:
        for host in there:
            devices.remove_vlan(lab, host, TAG)
        pytest.skip(f"this kernel has no VLAN devices: {e}")
    if "client" in tagged:
        lab.ip("client", "route", "replace", VIP4, "via", there["lb"][0])
        lab.ip("client", "-6", "route", "replace", VIP6, "via", there["lb"][1])
    for host, (client4, client6), (via4, via6) in back:
        lab.ip(host, "route", "replace", f"{client4}/32", "via", via4)
        lab.ip(host, "-6", "route", "replace", f"{client6}/128", "via", via6)
    yield lab, there
    lab.ip("client", "route", "replace", VIP4, "via", v4("lb"))
    lab.ip("client", "-6", "route", "replace", VIP6, "via", v6("lb"))
    for host, (client4, client6), _ in back:
        lab.ip(host, "route", "del", f"{client4}/32", check=False)
        lab.ip(host, "-6", "route", "del", f"{client6}/128", check=False)
    for host in there:
        devices.remove_vlan(lab, host, TAG)


@pytest.mark.parametrize("vip, version", [(VIP4, 0), (VIP6, 1)], ids=["v4", "v6"])
def test_nat_between_vlans(between_vlans, vip, version):
    """Each side gets frames as its own network has them: with the tag, or without any."""
    lab, there = between_vlans
    backends = [(b, there[b][version] if b in there else (v4, v6)[version](b), 100)
                for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(vip=vip, forward="nat", backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    assert answers(lab, url_of(vip), 40) == set(lab.backends)
    for b in lab.status()["services"][0]["backends"]:
        assert b["nexthop"]["vlan"] == (TAG if b["id"] in there else 0) and b["packets"] > 0
    assert lab.verdicts()["send_nat"] >= 160 and lab.verdicts()["send_reply"] >= 160


def test_doctor_of_vlans(vlan):
    """Next hops behind a VLAN device are well; the program on one is generic, and the doctor says why."""
    lab = vlan
    backends = [(b, devices.vlan_address(NET4, b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" + service(backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    for check in ("nexthops", "offloads", "xdp", "mtu"):
        assert found(lab, check) == []
    lab.configure(lab.head().replace("[eth0]", f"[eth0.{TAG}]") + "services:\n" + service(backends=backends))
    lab.cli("config", "apply")
    finding = only(found(lab, "xdp"))
    assert finding["level"] == "warning" and "a VLAN device has no driver of its own" in finding["text"]
