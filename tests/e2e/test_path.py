# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes by the clients' path: every way of forwarding, and what is told when the way is broken."""
import itertools

import pytest
from conftest import TICK, service
from lab.lab import PATIENCE
from lab.topology import VIP4, VIP6, run, v4, v6

FAMILIES = pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
PAIRS = pytest.mark.parametrize("vip, address", itertools.product((VIP4, VIP6), (v4, v6)),
                                ids=["4in4", "4in6", "6in4", "6in6"])
POOL = {v4: "10.77.0.3", v6: "fd77::3"}
PACE = f"interval: {4 * TICK}ms, fast_interval: {2 * TICK}ms, timeout: {4 * TICK}ms, rise: 2, fall: 2"


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
    lab.start_agent()


def of(lab, address, port=None):
    """The backends, with their addresses of a family."""
    return [(b, address(b), 100, *([port] if port else ())) for b in lab.backends]


def diagnosis(lab, code, host="b1", name="web", patience=10):
    """Waits for that diagnosis of a backend; returns its sentence."""
    def look():
        found = lab.backend(name, host)["probe"].get("diagnosis") or {}
        return found.get("text") if found.get("code") == code else None
    text = lab.wait_for(look, patience, f"{host}'s diagnosis to be {code}: "
                        f"{lab.backend(name, host)['probe']}")
    assert f"warning: {name}: backend {host}: {text}\n" in lab.cli("status").stdout
    return text


def healthy(lab, name="web"):
    """No backend has a diagnosis, and nothing was dropped."""
    assert not [b["id"] for s in lab.status()["services"] if s["name"] == name
                for b in s["backends"] if "diagnosis" in b["probe"]]
    assert not {n: c for n, c in lab.verdicts().items() if n.startswith("drop_") and c}


@FAMILIES
def test_l2(path, vip, address):
    """Up by the path; the VIP leaves a backend's loopback, and the direct probe never notices."""
    start(path, service(vip=vip, backends=of(path, address), probe=probe()))
    path.wait_serving("web")
    healthy(path)
    assert path.verdicts()["send_l2"] > 0
    prefix = f"{vip}/{128 if ':' in vip else 32}"
    path.ip("b1", "addr", "del", prefix, "dev", "lo")
    try:
        path.wait_state("web", "b1", "down")
        assert diagnosis(path, "no_vip") == (
            "serves at its own address, but takes no packets for the VIP: the VIP is not on its "
            "loopback, or rp_filter or a packet filter drops them")
        assert path.backend("web", "b2")["state"] == "up"
    finally:
        path.ip("b1", "addr", "add", prefix, "dev", "lo", *(["nodad"] if ":" in vip else []))
    path.wait_state("web", "b1", "up")
    healthy(path)


@PAIRS
def test_ipip(path, vip, address, decap):  # pylint: disable=unused-argument
    """Up through the tunnel, each of the four."""
    start(path, service(vip=vip, forward="ipip", backends=of(path, address), probe=probe()))
    path.wait_serving("web")
    healthy(path)
    assert path.verdicts()["send_ipip"] > 0


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
              snat=f"{{addresses: [\"{POOL[address]}\"]}}")
        path.wait_serving("web")
        healthy(path)
        assert path.verdicts()["send_fullnat"] > 0
    finally:
        path.ip("lb", "addr", "del", prefix, "dev", "eth0")
