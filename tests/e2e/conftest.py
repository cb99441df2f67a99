# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: a network for the session, an agent for each test."""
import os
import signal
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import PATIENCE, PREFIX, SANITIZER, Lab
from lab.topology import VIP4, v4

BUILD = os.path.join(ROOT, os.environ.get("FL_BUILD", "build"))

TICK = int(50 * PATIENCE)
FAST = (f"{{type: tcp, interval: {2 * TICK}ms, fast_interval: {TICK}ms, timeout: {2 * TICK}ms, "
        "rise: 2, fall: 2}")


def service(name="web", vip=VIP4, forward="l2", backends=None, probe=FAST, port=80, **more):
    """One service as YAML; backends: [(id, address, weight)] or [(id, address, weight, port)]."""
    backends = backends or [(b, v4(b), 100) for b in ("b1", "b2", "b3")]
    lines = [f"  - name: {name}", f"    vip: \"{vip}\"", f"    port: {port}", f"    forward: {forward}",
             f"    probe: {probe}"]
    lines += [f"    {k}: {v}" for k, v in more.items()]
    lines.append("    backends:")
    for i, address, weight, *at in backends:
        at = f", port: {at[0]}" if at else ""
        lines.append(f"      - {{id: {i}, address: \"{address}\", weight: {weight}{at}}}")
    return "\n".join(lines) + "\n"


def url_of(vip, port=80, path="/"):
    """A VIP in a URL."""
    return f"http://[{vip}]:{port}{path}" if ":" in vip else f"http://{vip}:{port}{path}"


def answers(lab, url, n=24):
    """Who answers n requests."""
    return set(lab.fetch_many(url, n))


# Begun first, so that no worker is left alone with one of them at the end.
LONGEST = ("test_transitions.py", "test_given_up.py", "test_vrrp.py", "test_bench.py", "test_engine.py",
           "test_agent.py", "test_passive.py", "test_path.py")


def pytest_configure(config):
    """The one marker."""
    config.addinivalue_line("markers", "long: half a minute and more; `make e2e` has it, `make check` does not")


def pytest_collection_modifyitems(items):
    """The longest files first."""
    rank = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def network():
    """The topology with nginx on all backends; removed at the end, whatever happened."""
    lab = Lab(PREFIX, BUILD, f"{BUILD}/e2e/{PREFIX}")
    bpffs.mount_if_missing(lab.folder)
    lab.up()
    for b in lab.backends:
        lab.start_nginx(b)
    yield lab
    lab.down()


@pytest.fixture(scope="module", autouse=True)
def _strangers(request):
    """Hosts that came and went with one module's tests had addresses that others have in the next."""
    if "network" in request.fixturenames:
        request.getfixturevalue("network").forget_neighbours()


@pytest.fixture
def lab(network):
    """The network without an agent; what a test started and pinned is gone after it."""
    open(network.agent_log, "w", encoding="utf-8").close()
    network.forget()
    if os.path.exists(network.socket):
        os.unlink(network.socket)  # of an agent that a test has killed
    yield network
    if network.agent and network.agent.poll() is None:
        network.agent.send_signal(signal.SIGCONT)
        network.stop_agent()
    network.remove_pins()
    assert not SANITIZER.search(network.log_tail(1000)), network.log_tail(1000)
    for b in network.backends:
        network.mend_cable(b)
        if network.nginx[b].poll() is not None:
            network.start_nginx(b)
        network.set_health(b, "ok\n")


@pytest.fixture(scope="module")
def decap(network):
    """Decapsulation on the backends, as long as a module's tests run."""
    for b in network.backends:
        network.decapsulate(b)
    yield
    for b in network.backends:
        network.detach_xdp(b)


@pytest.fixture(scope="module")
def routed(network):
    """The balancer forwards, and is the backends' way to the client, as NAT needs it."""
    # Without rp_filter it forwards what other modes' backends answer in the VIP's name, too.
    network.sysctl("lb", ipv4__ip_forward=1, ipv6__conf__all__forwarding=1,
                   ipv4__conf__all__send_redirects=0, ipv4__conf__eth0__send_redirects=0,
                   ipv4__conf__all__rp_filter=0, ipv4__conf__eth0__rp_filter=0)
    for b in network.backends:
        network.route_back(b)
    yield
    for b in network.backends:
        network.route_back(b, on=False)
    network.sysctl("lb", ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)


@pytest.fixture
def web(lab):
    """The usual agent: one L2 service over three backends, all up."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    return lab
