# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes by the clients' path: every way of forwarding, and what is told when the way is broken."""
import contextlib
import itertools
import json
import signal
import sys

import pytest
from conftest import TICK, service
from lab import devices
from lab.servers_net import Servers
from lab.topology import VIP4, VIP6, CommandFailed, v4, v6

FAMILIES = pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
PAIRS = pytest.mark.parametrize("vip, address", itertools.product((VIP4, VIP6), (v4, v6)),
                                ids=["4in4", "4in6", "6in4", "6in6"])
POOL = {v4: "10.77.0.3", v6: "fd77::3"}
PACE = f"interval: {4 * TICK}ms, fast_interval: {2 * TICK}ms, timeout: {4 * TICK}ms, rise: 2, fall: 2"


# As under systemd: the unit's capabilities, and no others.
UNIT = ("setpriv", "--no-new-privs", "--inh-caps=-all",
        "--bounding-set=-all,+bpf,+perfmon,+net_admin,+net_raw,+chown")


@pytest.fixture
def path(lab):
    """A lab whose devices, programs and pins go as an operator takes them away."""
    yield lab
    if lab.agent and lab.agent.poll() is None:
        lab.stop_agent()
    lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)
    assert "fl-probe" not in lab.ip("lb", "link")
    assert "probe_back" not in lab.inside("lb", "tc", "filter", "show", "dev", "eth0", "ingress")


def probe(kind="tcp", more=""):
    """A probe by path as YAML."""
    return f"{{type: {kind}, via: path, {PACE}{', ' if more else ''}{more}}}"


def start(lab, *services, **head):
    """Starts an agent with these."""
    lab.configure(lab.head(**head) + "services:\n" + "".join(services))
    lab.start_agent(wrapper=UNIT)


def of(lab, address, port=None):
    """The backends, with their addresses of a family."""
    return [(b, address(b), 100, *([port] if port else ())) for b in lab.backends]


def diagnosis(lab, code, host="b1", name="web", patience=10):
    """Waits for that diagnosis of a backend; returns its sentence."""
    def look():
        found = lab.backend(name, host)["probe"]["diagnosis"] or {}
        return found.get("text") if found.get("code") == code else None
    text = lab.wait_for(look, patience, f"{host}'s diagnosis to be {code}: "
                        f"{lab.backend(name, host)['probe']}")
    assert f"warning: {name}: backend {host}: {text}\n" in lab.cli("status").stdout
    return text


@contextlib.contextmanager
def without_vip(lab, host, vip):
    """A backend whose loopback lacks the VIP for a while."""
    prefix = f"{vip}/{128 if ':' in vip else 32}"
    lab.ip(host, "addr", "del", prefix, "dev", "lo")
    try:
        yield
    finally:
        lab.ip(host, "addr", "add", prefix, "dev", "lo", *(["nodad"] if ":" in vip else []))


def healthy(lab, name="web"):
    """No backend has a diagnosis, and nothing was dropped."""
    assert not [b["id"] for s in lab.status()["services"] if s["name"] == name
                for b in s["backends"] if b["probe"]["diagnosis"]]
    # The first probes may come before the next hop's address, and a connection of the test before sends its last
    # packet before there is a table.
    assert not {n: c for n, c in lab.verdicts().items()
                if n.startswith("drop_") and n not in ("drop_no_nexthop", "drop_no_backend") and c}


@FAMILIES
def test_l2(path, vip, address):
    """Up by the path; the VIP leaves a backend's loopback, and the direct probe never notices."""
    start(path, service(vip=vip, backends=of(path, address), probe=probe()))
    path.wait_serving("web")
    healthy(path)
    assert path.verdicts()["send_l2"] > 0
    with without_vip(path, "b1", vip):
        path.wait_state("web", "b1", "down")
        assert diagnosis(path, "no_vip") == (
            "serves at its own address, but takes no packets for the VIP: the VIP is not on its "
            "loopback, or rp_filter or a packet filter drops them")
        assert path.backend("web", "b2")["state"] == "up"
    path.wait_state("web", "b1", "up")
    healthy(path)


@PAIRS
@pytest.mark.parametrize("forward", ["ipip", "gue"])
def test_tunnels(path, decap, forward, vip, address):  # pylint: disable=unused-argument
    """Up through each tunnel; then a backend does not decapsulate, then it lacks the VIP."""
    start(path, service(vip=vip, forward=forward, backends=of(path, address), probe=probe()))
    path.wait_serving("web")
    healthy(path)
    assert path.verdicts()[f"send_{forward}"] > 0
    path.detach_xdp("b1")
    try:
        path.wait_state("web", "b1", "down")
        assert diagnosis(path, "no_decap") == (
            "serves at its own address, but nothing comes back through the tunnel: it does not "
            f"decapsulate {forward.upper()}, or rp_filter on its tunnel device drops what comes out")
    finally:
        path.decapsulate("b1")
    path.wait_state("web", "b1", "up")
    if (vip == VIP4) != (address is v4):
        return  # its own address does not fit into this tunnel, so the two cannot be told apart
    with without_vip(path, "b2", vip):
        path.wait_state("web", "b2", "down")
        assert diagnosis(path, "no_vip", "b2") == (
            "serves at its own address and answers there through the tunnel, but takes no packets "
            "for the VIP: the VIP is not on its loopback, or a packet filter drops them")


@FAMILIES
def test_nat(path, vip, address):
    """Up at a port of the backends' own; the answers are the balancer's own, and come to the probe."""
    start(path, service(vip=vip, forward="nat", backends=of(path, address, 8080), probe=probe()))
    path.wait_serving("web")
    healthy(path)
    assert path.verdicts()["send_nat"] > 0


@FAMILIES
def test_fullnat(path, vip, address):
    """The same from the pool's address."""
    prefix = f"{POOL[address]}/{64 if ':' in vip else 24}"
    path.ip("lb", "addr", "add", prefix, "dev", "eth0", *(["nodad"] if ":" in vip else []))
    try:
        start(path, service(vip=vip, forward="fullnat", backends=of(path, address), probe=probe()),
              snat=f"{{source{6 if ':' in vip else 4}: [\"{POOL[address]}\"]}}")
        path.wait_serving("web")
        healthy(path)
        assert path.verdicts()["send_fullnat"] > 0
    finally:
        path.ip("lb", "addr", "del", prefix, "dev", "eth0")


@FAMILIES
def test_local_vip(path, vip, address):
    """The balancer has the VIP itself, as the master of several does: probes go out all the same."""
    prefix = f"{vip}/{128 if ':' in vip else 32}"
    path.ip("lb", "addr", "add", prefix, "dev", "lo", *(["nodad"] if ":" in vip else []))
    path.sysctl("lb", ipv4__conf__all__rp_filter=1)
    try:
        start(path, service(vip=vip, backends=of(path, address), probe=probe()))
        path.wait_serving("web")
        healthy(path)
    finally:
        path.sysctl("lb", ipv4__conf__all__rp_filter=0)
        path.ip("lb", "addr", "del", prefix, "dev", "lo")


@FAMILIES
def test_mtu_hole(path, vip, address):
    """Full-size frames vanish on the way to one backend, and nobody is told: it is up, with a warning."""
    path.ip("sw", "link", "set", "to-b1", "mtu", "1400")
    try:
        start(path, service(vip=vip, backends=of(path, address), probe=probe()))
        path.wait_serving("web")
        assert diagnosis(path, "mtu_hole") == (
            "small packets arrive, those of 1500 bytes do not: the MTU somewhere on the way is "
            "smaller than the route to it says")
        assert path.backend("web", "b1")["state"] == "up"
        assert not path.backend("web", "b2")["probe"]["diagnosis"]
    finally:
        path.ip("sw", "link", "set", "to-b1", "mtu", "1500")


@FAMILIES
def test_refused(path, vip, address):
    """A server that listens at its host's own address only; and one that is not there at all."""
    servers = Servers(path)
    servers.start("b1", "http", [sys.executable, "-m", "http.server", "9000", "--bind",
                                 address("b1")])
    servers.listening("b1", 9000)
    try:
        start(path, service(vip=vip, port=9000, backends=of(path, address), probe=probe()))
        path.wait_state("web", "b1", "down")
        assert path.backend("web", "b1")["probe"]["detail"] == "connection refused"
        assert diagnosis(path, "refused") == (
            "serves at its own address, but refuses connections to the VIP: the service does not "
            "listen there, or another host answered")
        assert diagnosis(path, "backend", "b2") == (
            "a probe straight to it fails as well: the path is not to blame")
    finally:
        servers.end()


ECHO = """
import socket
s = socket.socket(socket.AF_INET6 if ":" in "%s" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("%s", 5353))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"answer to " + data, peer)
"""


@FAMILIES
def test_kinds(path, vip, address):
    """What is said over a connection, by libcurl too, and by datagrams."""
    servers = Servers(path)
    server = servers.start("b1", "udp", [sys.executable, "-c", ECHO % (vip, vip)])
    servers.listening("b1", 5353, "-lun")
    servers.unbound("b1", "www.example. A 192.0.2.1")
    only = [("b1", address("b1"), 100)]
    say = "send: hello, expect: answer to hello"
    try:
        start(path,
              service(vip=vip, backends=only, probe=probe("http", "path: /health")),
              service("body", vip=vip, port=8000, backends=only, probe=probe("http", "body: b1")),
              service("udp", vip=vip, port=5353, protocol="udp", backends=only,
                      probe=probe("udp", say)),
              service("dns", vip=vip, port=53, protocol="udp", forward="nat", backends=only,
                      probe=probe("dns", "name: www.example, answer: 192.0.2.1")),
              service("script", vip=vip, port=8001, backends=only,
                      probe=probe("script", "steps: [{send: \"GET / HTTP/1.0\\r\\n\\r\\n\"}, "
                                            "{expect: b1}]")))
        for name in ("web", "body", "udp", "dns", "script"):
            path.wait_state(name, "b1", "up")
        healthy(path)
        path.set_health("b1", None)
        path.wait_state("web", "b1", "down")
        assert diagnosis(path, "backend")
        path.set_health("b1", "ok\n")
        servers.kill(server)
        path.wait_state("udp", "b1", "down")
        assert diagnosis(path, "backend", name="udp")
        path.wait_state("web", "b1", "up")
    finally:
        servers.end()


def probed_again(lab):
    """Waits for two more results of a probe, which are good."""
    def at():
        return (lab.backend("web", "b1")["probe"] or {}).get("at")
    for _ in range(2):
        before = at()
        lab.wait_for(lambda was=before: at() not in (None, was), 5, "another probe")
    assert lab.backend("web", "b1")["probe"]["ok"]
    assert lab.backend("web", "b1")["state"] == "up"


def test_life(path):
    """
    An agent that is killed and its successor; a configuration that goes straight, and back: devices,
    programs and maps are there as long as they are needed. The balancer's own packets are let be.
    """
    by_path = service(backends=of(path, v4), probe=probe())
    start(path, by_path)
    path.wait_serving("web")
    path.stop_agent(signal.SIGKILL)
    path.start_agent()
    path.wait_state("web", "b1", "up")
    probed_again(path)
    healthy(path)
    assert path.ip("lb", "-o", "link").count("fl-probe") == 2  # both ends name it
    assert path.fetch("http://10.77.0.11/", host="lb") == "b1"
    path.configure(path.head() + "services:\n" + service(backends=of(path, v4)))
    path.cli("config", "apply")
    assert "fl-probe" not in path.ip("lb", "link")
    assert not path.pinned("probes")
    path.wait_state("web", "b1", "up")
    path.configure(path.head() + "services:\n" + by_path)
    path.cli("config", "apply")
    probed_again(path)
    healthy(path)
    path.stop_agent(signal.SIGKILL)
    path.configure(path.head() + "services:\n" + service(backends=of(path, v4)))
    path.start_agent()
    assert "fl-probe" not in path.ip("lb", "link")
    path.configure(path.head() + "services:\n" + by_path)
    path.cli("config", "apply")
    probed_again(path)
    assert len(json.loads(path.inside("lb", "bpftool", "-j", "map", "dump", "pinned",
                                      path.pin("probes")))) == 3


def test_interface_comes_back(path):
    """The balancer's interface goes and comes again: the answers are taken there as before."""
    start(path, service(backends=of(path, v4), probe=probe()))
    path.wait_serving("web")
    path.ip("lb", "link", "del", "eth0")
    path.wait_state("web", "b1", "down")
    path.cable("lb")
    path.attach_xdp("sw", "to-lb", f"{path.build}/tests/xdp_pass.bpf.o")
    path.wait_state("web", "b1", "up", 10)


def test_records_go(path):
    """Full NAT: a probe's record is one of a connection that was reset, and goes with those."""
    path.ip("lb", "addr", "add", f"{POOL[v4]}/24", "dev", "eth0")
    try:
        start(path, service(forward="fullnat", backends=of(path, v4), probe=probe(), idle="10s"),
              snat=f"{{source4: [\"{POOL[v4]}\"]}}")
        path.wait_serving("web")
        path.wait_for(lambda: path.status()["nat"]["deleted"] >= 3, 40, "records to be deleted")
        # 10 s at five probes a second and backend, and as long again until a pass finds them.
        assert path.status()["nat"]["flows"] < 600
    finally:
        path.ip("lb", "addr", "del", f"{POOL[v4]}/24", "dev", "eth0")


@pytest.mark.parametrize("encap", [None, "gue"], ids=["ipip", "gue"])
@FAMILIES
def test_tunnel_devices(path, encap, vip, address):
    """The kernel's own tunnels: with rp_filter on the device (IPv4), then without the device."""
    device = "fl-4in4" if vip == VIP4 else "fl-any6"
    try:
        for b in path.backends:
            devices.add_tunnels(path, b, encap)
    except CommandFailed as e:
        for b in path.backends:
            devices.remove_tunnels(path, b, encap)
        pytest.skip(f"this kernel has no such tunnels: {e}")
    try:
        start(path, service(vip=vip, forward=encap or "ipip", backends=of(path, address),
                            probe=probe()))
        path.wait_serving("web", 20)
        healthy(path)
        if vip == VIP4:
            path.sysctl("b1", **{f"ipv4__conf__{device}__rp_filter": 1})
            path.wait_state("web", "b1", "down", 10)
            assert "rp_filter on its tunnel device" in diagnosis(path, "no_decap")
            path.sysctl("b1", **{f"ipv4__conf__{device}__rp_filter": 0})
            path.wait_state("web", "b1", "up", 10)
        # All of them: sit takes IPv4 as well.
        devices.remove_tunnels(path, "b1", encap)
        path.wait_state("web", "b1", "down", 10)
        diagnosis(path, "no_decap")
    finally:
        for b in path.backends:
            devices.remove_tunnels(path, b, encap)
