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
from lab.lab import PATIENCE, Lab
from lab.topology import VIP4, v4

BUILD = os.path.join(ROOT, os.environ.get("FL_BUILD", "build"))

TICK = int(50 * PATIENCE)
FAST = (f"{{type: tcp, interval: {2 * TICK}ms, fast_interval: {TICK}ms, timeout: {2 * TICK}ms, "
        "rise: 2, fall: 2}")


def service(name="web", vip=VIP4, forward="l2", backends=None, probe=FAST, port=80, **more):
    """One service as YAML; backends: [(id, address, weight)]."""
    backends = backends or [(b, v4(b), 100) for b in ("b1", "b2", "b3")]
    lines = [f"  - name: {name}", f"    vip: \"{vip}\"", f"    port: {port}", f"    forward: {forward}",
             f"    probe: {probe}"]
    lines += [f"    {k}: {v}" for k, v in more.items()]
    lines.append("    backends:")
    lines += [f"      - {{id: {i}, address: \"{a}\", weight: {w}}}" for i, a, w in backends]
    return "\n".join(lines) + "\n"


def answers(lab, url, n=24):
    """Who answers n requests."""
    return set(lab.fetch_many(url, n))


def url_of(vip):
    """A VIP in a URL."""
    return f"http://[{vip}]/" if ":" in vip else f"http://{vip}/"


@pytest.fixture(scope="session")
def network():
    """The topology with nginx on all backends; removed at the end, whatever happened."""
    lab = Lab(os.environ.get("FL_LAB", "fl-e2e"), BUILD, f"{BUILD}/e2e")
    bpffs.mount_if_missing(lab.folder)
    lab.up()
    for b in lab.backends:
        lab.start_nginx(b)
    yield lab
    lab.down()


@pytest.fixture
def lab(network):
    """The network without an agent; what a test started and pinned is gone after it."""
    open(network.agent_log, "w", encoding="utf-8").close()
    if os.path.exists(network.socket):
        os.unlink(network.socket)  # of an agent that a test has killed
    yield network
    if network.agent and network.agent.poll() is None:
        network.agent.send_signal(signal.SIGCONT)
        network.stop_agent()
    network.remove_pins()
    for b in network.backends:
        network.mend_cable(b)
        if network.nginx[b].poll() is not None:
            network.start_nginx(b)
        network.set_health(b, "ok\n")


@pytest.fixture
def web(lab):
    """The usual agent: one L2 service over three backends, all up."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    return lab
